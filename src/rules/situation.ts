import { type Severity, severities } from '../alert/alert.ts'
import type { Stamp } from '../alert/stamp.ts'
import { listOf } from './written.ts'

/**
 * Situation: something that is raised, whom that was told and by which letters, until it is cleared; and how it is written down.
 *
 * Moments are on the monotonic scale of this boot, in ms.
 */
export type Situation = {
  /** '' when no rule took it. */
  rule: string
  source: string
  key: string
  /** Journal position and number of the alert that raised it. */
  id: number
  number: number
  stamp: Stamp
  severity: Severity
  text: string
  value?: number
  unit?: string
  /** Whom it is for, on duty or not. */
  to: readonly string[]
  /** Who was told of it by any letter: those hear of its end. */
  heard?: readonly string[]
  since: number
  /** When it was first told, and last. */
  told?: number
  lastTold?: number
  reminders: number
  /** Of the newest letter about it, but an escalation, to those who are reminded. */
  letter?: number
  /** Letters that tell it beside `id`, oldest first: whoever answers one of them means it. */
  letters?: readonly number[]
  escalated?: boolean
  /** Of a level: names of what it measures. */
  level?: readonly string[]
  acknowledged?: { at: number; by: string }
}

/** Letters by which people may answer: beyond it the second oldest is forgotten, for the first is the one that they look for. */
const lettersLimit = 16

/** These were told of it, too. */
export function withHearers(one: Situation, to: readonly string[]): Situation {
  const heard = [...new Set([...(one.heard ?? []), ...to])]
  return heard.length === one.heard?.length ? one : { ...one, heard }
}

/** It was told by this letter, too. */
export function withLetter(one: Situation, letter: number): Situation {
  const { letters = [] } = one
  if (letter === one.id || letters.includes(letter)) return one
  const [first, ...others] = [...letters, letter]
  return { ...one, letters: [first ?? letter, ...others.slice(1 - lettersLimit)] }
}

/** What was written before letters were remembered names the newest of them. */
function withOwnLetters({ letters, ...one }: Situation): Situation {
  if (Array.isArray(letters)) return { ...one, letters: letters.filter((each) => typeof each === 'number').slice(0, lettersLimit) }
  return one.letter === undefined ? one : withLetter(one, one.letter)
}

/** The newest that may be written down in so many octets. Many are for the same people: those stand once, in `lists`, and `to` and `heard` say where. */
export function writtenSituations(all: readonly Situation[], octets: number): { situations: object[]; lists: (readonly string[])[] } {
  const places = new Map<string, number>()
  const lists: (readonly string[])[] = []
  const situations: object[] = []
  let left = octets
  for (const one of all.toReversed()) {
    const { to, heard } = one
    const fresh = new Map([to, heard ?? to].flatMap((list) => (places.has(JSON.stringify(list)) ? [] : [[JSON.stringify(list), list]])))
    const placed = [...fresh.keys()]
    const placeOf = (list: readonly string[]) => {
      const name = JSON.stringify(list)
      return places.get(name) ?? lists.length + placed.indexOf(name)
    }
    const row = { ...one, to: placeOf(to), ...(heard ? { heard: placeOf(heard) } : {}) }
    left -= [JSON.stringify(row), ...placed].reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0)
    if (left < 0) break
    for (const [name, list] of fresh) places.set(name, lists.push(list) - 1)
    situations.push(row)
  }
  return { situations: situations.reverse(), lists }
}

const namedIn = (one: unknown, lists: readonly unknown[]): unknown => {
  const { to, heard } = (one ?? {}) as { to?: unknown; heard?: unknown }
  const listed = { ...(typeof to === 'number' ? { to: lists[to] } : {}), ...(typeof heard === 'number' ? { heard: lists[heard] } : {}) }
  return { ...(one as object), ...listed }
}

/** Takes in what `writtenSituations` gave, its moments moved by so many ms; what is no situation is passed over. */
export function situationsIn(written: { situations?: unknown; lists?: unknown }, shift: number): Situation[] {
  const lists = listOf(written.lists)
  return listOf(written.situations)
    .map((one) => namedIn(one, lists))
    .filter(isSituation)
    .map((one) => withOwnLetters(shifted(one, shift)))
    .map((one) => (one.told !== undefined && one.heard === undefined ? { ...one, heard: one.to } : one))
}

function isSituation(value: unknown): value is Situation {
  const one = value as Partial<Situation> | null
  return (
    typeof one?.rule === 'string' &&
    typeof one.source === 'string' &&
    typeof one.key === 'string' &&
    typeof one.since === 'number' &&
    severities.includes(one.severity as Severity) &&
    Array.isArray(one.to) &&
    (one.heard === undefined || Array.isArray(one.heard)) &&
    (one.level === undefined || Array.isArray(one.level))
  )
}

const shifted = (one: Situation, shift: number): Situation => ({
  ...one,
  since: one.since + shift,
  ...(one.told === undefined ? {} : { told: one.told + shift }),
  ...(one.lastTold === undefined ? {} : { lastTold: one.lastTold + shift }),
  ...(one.acknowledged ? { acknowledged: { ...one.acknowledged, at: one.acknowledged.at + shift } } : {}),
})
