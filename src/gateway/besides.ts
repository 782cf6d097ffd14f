import type { Reading } from '../alert/alert.ts'
import type { Besides } from '../decode/decoder.ts'
import type { Heard, Taken } from '../source/source.ts'

/**
 * Besides: a frame that says more than one thing. It is led by one alert, which is told whatever is known; the others are told while they are news. What is news
 * is asked of the journal, so a restart neither raises anything twice nor forgets an end.
 */
export type Said = { reading: Reading; heard: Heard; isBeside: boolean }

/** Of this source and key: something is raised and not over. */
export type Stands = (key: string) => boolean

export const asItWas: Taken = { kind: 'ignored', why: 'it is as it was' }

export function isTold({ reading: { state = 'event', key }, isBeside }: Said, stands: Stands): boolean {
  if (!isBeside || state === 'event' || key === undefined) return true
  return stands(key) === (state === 'cleared')
}

/**
 * Those that are news, or may be once what is still to be taken of the same key is taken. Each is a transmission of its own, by its place in the frame, which is
 * the same when the wire repeats it.
 */
export function besidesOf(besides: Besides = [], heard: Heard, stands: Stands): Said[] {
  const { transmission, behind } = heard
  return besides
    .map((reading, at): Said => {
      const own = transmission === undefined ? heard : { ...heard, transmission: `${transmission}/${at + 1}` }
      return { reading, heard: own, isBeside: true }
    })
    .filter((said) => isTold(said, stands) || behind?.holds(said.reading.key))
}

export const isForNow = (taken: Taken): taken is Extract<Taken, { kind: 'refused' }> => taken.kind === 'refused' && taken.again

/** What the wire is told of a frame: it is taken when all that it says is. */
export function together(takens: readonly [Taken, ...Taken[]]): Taken {
  const open = takens.filter(isForNow)
  const [first] = open
  if (!first) return takens.find(({ kind }) => kind === 'accepted') ?? takens[0]
  const held = open.flatMap((one) => one.held ?? [])
  return held.length > 0 ? { ...first, held } : first
}
