import { hash } from 'node:crypto'
import type { Reading } from '../alert/alert.ts'
import type { Besides } from '../decode/decoder.ts'
import { defaultSeverity } from '../rules/match.ts'
import type { Ordered } from '../source/ahead.ts'
import type { Heard, Taken } from '../source/source.ts'

/**
 * Besides: a frame that says more than one thing. It is led by one alert, which is told whatever is known; the others are told while they are news. What is news
 * is asked of the journal, so a restart neither raises anything twice nor forgets an end.
 */
export type Said = { reading: Reading; heard: Heard; place: number }

/** Of this source and key: something is raised and not over. */
export type Stands = (key: string) => boolean

export const asItWas: Taken = { kind: 'ignored', why: 'it is as it was' }

export function isTold({ reading: { state = 'event', key }, place }: Said, stands: Stands): boolean {
  if (place === 0 || state === 'event' || key === undefined) return true
  return stands(key) === (state === 'cleared')
}

/**
 * Those that are news, or may be once what is still to be taken of the same key is taken. Each is a transmission of its own, by its place in the frame, which is
 * the same when the wire repeats it. What waits already as the last of its key is not kept once more.
 */
export function besidesOf(besides: Besides = [], heard: Heard, stands: Stands): Said[] {
  const { transmission, behind } = heard
  return besides
    .map((reading, at): Said => {
      const own = transmission === undefined ? heard : { ...heard, transmission: `${transmission}/${at + 1}` }
      return { reading, heard: own, place: at + 1 }
    })
    .filter((said) => isTold(said, stands) || behind?.holds(said.reading.key))
    .filter(({ reading }) => !behind?.says(orderedOf(reading)))
}

export const orderedOf = ({ severity = defaultSeverity, state = 'event', key }: Reading): Ordered => ({
  severity,
  state,
  ...(key === undefined ? {} : { key }),
})

export const isForNow = (taken: Taken): taken is Extract<Taken, { kind: 'refused' }> => taken.kind === 'refused' && taken.again

/** What the wire is told of a frame: it is taken when all that it says is. */
export function together(takens: readonly [Taken, ...Taken[]]): Taken {
  const open = takens.filter(isForNow)
  const [first] = open
  if (!first) return takens.find(({ kind }) => kind === 'accepted') ?? takens[0]
  const held = open.flatMap((one) => one.held ?? [])
  return held.length > 0 ? { ...first, held } : first
}

/**
 * Frames of which a part was taken: their wire says them again as a whole, and what was taken is not offered once more. Bounded, and for minutes only: later the
 * same octets are said of something else.
 */
export class Partly {
  readonly #frames = new Map<string, { at: number; taken: ReadonlyMap<number, Taken> }>()
  readonly #now: () => number

  /** `now`: monotonic, in ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** What was taken of these octets, by its place. */
  of(heard: Heard): ReadonlyMap<number, Taken> | undefined {
    const known = this.#frames.size === 0 ? undefined : this.#frames.get(nameOf(heard))
    return known && this.#now() - known.at < partlyMs ? known.taken : undefined
  }

  note(heard: Heard, takens: ReadonlyMap<number, Taken>): void {
    const open = [...takens.values()].filter(isForNow).length
    if (this.#frames.size === 0 && (open === 0 || open === takens.size)) return
    const name = nameOf(heard)
    this.#frames.delete(name)
    if (open === 0 || open === takens.size) return
    this.#frames.set(name, { at: this.#now(), taken: new Map([...takens].filter(([, taken]) => !isForNow(taken))) })
    if (this.#frames.size > partlyLimit) this.#frames.delete(this.#frames.keys().next().value ?? '')
  }
}

const partlyLimit = 64
const partlyMs = 10 * 60_000
const nameOf = ({ source, topic = '', bytes }: Heard): string => `${source}\0${topic}\0${hash('sha256', bytes)}`
