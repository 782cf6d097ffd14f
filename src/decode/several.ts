import { alertLimits, type Reading, rank } from '../alert/alert.ts'
import type { Decoded } from './decoder.ts'

/** Of one frame. A Tasmota has 28 switches, and no device known says more at once. */
const alertsLimit = 64

/**
 * Several: one frame that says how several things stand, each under its own key; `otherwise` is what it says when that is nothing. It leads with the worst that
 * is raised, and what is over comes last, so that nothing is told as over while worse is still to be told. Those of the same worth stay in the order given.
 */
export function several<T>(told: readonly T[], otherwise: T, readingFrom: (one: T) => Reading): Decoded {
  const [first = otherwise, ...others] = told
  const [reading = readingFrom(first), ...besides] = [first, ...others].map(readingFrom).sort((a, b) => placeOf(a) - placeOf(b))
  if (besides.length === 0) return { kind: 'reading', reading }
  return { kind: 'reading', reading: noted(reading, besides.length + 1), besides: besides.slice(0, alertsLimit - 1).map(withoutId) }
}

const ends = rank('info') + 1
/** What says nothing of its severity counts as a warning, as it does for the rules. */
const placeOf = ({ state, severity = 'warning' }: Reading): number => (state === 'cleared' ? ends : rank(severity))

/** An id names the whole frame: the others would count as repeats of the first. */
const withoutId = ({ id: _, ...rest }: Reading): Reading => rest

function noted(reading: Reading, count: number): Reading {
  if (count <= alertsLimit) return reading
  const fields = Object.entries(reading.fields ?? {}).slice(0, alertLimits.fields - 1)
  return { ...reading, fields: { ...Object.fromEntries(fields), decodeNote: `${count - alertsLimit} of ${count} alerts were passed over` } }
}
