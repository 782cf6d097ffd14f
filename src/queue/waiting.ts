import { crc32 } from 'node:zlib'
import { rank, type Severity, severities } from '../alert/alert.ts'
import { Begun, type Raise, type Teller } from './begun.ts'
import { freeLeave, keptBy, type Leave } from './leave.ts'
import { goneFlag, Rows } from './rows.ts'
import { type Clearing, Turns } from './turns.ts'

/**
 * Waiting: the index of letters that are not settled, and which of them may leave. A letter is one alert for its recipients; its octets stay in the journal.
 */
export type LetterState = {
  id: number
  segment: number
  offset: number
  bytes: number
  severity: Severity
  /** Recipients as the alert names them (ids of people or addresses), all of them. */
  to: readonly string[]
  /** Bit i: `to[i]` is not settled. */
  pending: number
  attempts: number
  /** Monotonic ms; 0 when never tried. */
  nextTry: number
  /** When it was accepted, on this boot's monotonic scale (negative for an earlier boot). */
  accepted: number
  held: boolean
  /** The rules keep it: it leaves when they say so, told by another record. */
  kept: boolean
  /** Of the letter as it was last composed; of its record before that. */
  octets: number
  keyed: boolean
  /** Tells several: it goes before all others, and waits for no cheaper link, for each of those would have left. */
  first: boolean
}

/** `first`: goes before all others. `loose`: without a key; it is in order among its like, but nothing hangs on it. `kept`: not to be told on its own. `clears`: says
 * that something is over. `raises`: says that something has begun. */
const flag = { gone: goneFlag, held: 2, away: 4, local: 8, first: 16, loose: 32, kept: 64, clears: 128, raises: 256 } as const

export type Added = {
  id: number
  segment: number
  offset: number
  bytes: number
  severity: Severity
  to: readonly string[]
  accepted: number
  /** Letters with the same text here keep their order: source and key. */
  orderBy: string
  /** It has a key: others may be about the same thing, a clear about its raise. */
  keyed: boolean
  /** Goes before all others, whatever its severity. */
  first?: boolean
  /** Does not leave, and keeps nobody. */
  kept?: boolean
  /** Says that what its key was about is over. */
  clears?: boolean
  /** Says that what its key is about has begun. */
  raises?: boolean
  /** What it tells of other alerts to have begun and not to be over. */
  begun?: readonly Raise[]
  /** Letters that tell what is over by what it tells. */
  after?: readonly number[]
}

/** No topic is as large (CRC-32): what is told apart from those of a topic stands this far from it. */
const apart = 2 ** 32

/** A letter that may leave, but not to those (as the alert names them) for whom an elder of its key still waits. */
export type Leaving = { id: number; behind?: ReadonlySet<string> }

/** A letter that is to tell several: to whom, how bad it is, and whether it is on its way. */
type Bundle = { refs: readonly string[]; rank: number; away: boolean }

/** What one look finds of them. `since`: by topic, and apart for critical letters, who is still to be told, from which raise on. */
type Untold = { letters: ReadonlyMap<number, Bundle>; since: Map<number, ReadonlyMap<string, number>> }

/** Which letters are looked for. */
export type Picking = {
  /** What the link gives leave for. */
  leave?: Leave
  /** The connection that asks: what left on it already keeps nobody. */
  lane?: number
  /** Only letters with a recipient, as the alert names it, that may be served now. */
  serves?: (ref: string) => boolean
  /** They are to be told together: not they, but the letter that tells them is behind those that tell what they clear. */
  merging?: boolean
}

export class Waiting {
  readonly #rows = new Rows()
  readonly #begun = new Begun()
  /** Letters that tell several, and those that they are behind. */
  readonly #after = new Map<number, readonly number[]>()
  /** How many of those that wait go before all others. */
  #firsts = 0

  get size(): number {
    return this.#rows.size
  }

  /** Adds a letter, or tells the new place of one that was copied forward. */
  add(letter: Added): void {
    if (this.#rows.find(letter.id) >= 0) {
      this.move(letter.id, letter)
      return
    }
    const row = this.#rows.append(letter.id, letter.to)
    const c = this.#rows.columns
    c.segment[row] = letter.segment
    c.offset[row] = letter.offset
    c.bytes[row] = letter.bytes
    c.topic[row] = crc32(letter.orderBy)
    c.accepted[row] = letter.accepted
    c.rank[row] = rank(letter.severity)
    c.flags[row] =
      (letter.first ? flag.first : 0) |
      (letter.keyed ? 0 : flag.loose) |
      (letter.kept ? flag.kept : 0) |
      (letter.clears ? flag.clears : 0) |
      (letter.raises ? flag.raises : 0)
    if (letter.first) this.#firsts++
    this.#begun.add(letter.id, letter.begun ?? [])
    if (letter.after) this.#after.set(letter.id, letter.after)
    c.octets[row] = letter.bytes
  }

  /** The letter lies elsewhere now. */
  move(id: number, place: { segment: number; offset: number; bytes: number }): void {
    const row = this.#rows.find(id)
    if (row < 0) return
    this.#rows.columns.segment[row] = place.segment
    this.#rows.columns.offset[row] = place.offset
    this.#rows.columns.bytes[row] = place.bytes
  }

  get(id: number): LetterState | undefined {
    const row = this.#rows.find(id)
    return row < 0 ? undefined : this.#state(row)
  }

  /** Letters with the same number here keep their order among themselves; undefined for one that does not wait. */
  orderOf(id: number): number | undefined {
    const row = this.#rows.find(id)
    return row < 0 ? undefined : this.#order(row)
  }

  /** The topic; what has no key and what has one are never in order among themselves, whatever their topics come to. */
  #order(row: number): number {
    const { flags, topic } = this.#rows.columns
    return (topic[row] ?? 0) + ((flags[row] ?? 0) & flag.loose ? apart : 0)
  }

  /**
   * What of these letters has begun and is not over: of each topic the newest raise, with the worst rank. A clear between two raises that is none of these letters,
   * since it is for others, too, need not wait: behind them it would be the last word. What is known to `stand` does, though a clear of the same topic comes
   * behind it: several rules may raise the same, and each of them ends it for itself.
   */
  begunIn(ids: readonly number[], stand: readonly number[] = []): Raise[] {
    const begun = new Map<number, Raise>()
    const { flags, topic: topics, rank: ranks } = this.#rows.columns
    const look = (id: number, isNews: (topic: number) => boolean) => {
      const row = this.#rows.find(id)
      const [bits, topic, rank] = [flags[row] ?? 0, topics[row] ?? 0, ranks[row] ?? 0]
      if (!isNews(topic)) return
      if (bits & flag.raises) begun.set(topic, [id, topic, Math.min(rank, begun.get(topic)?.[2] ?? rank)])
      else if (bits & flag.clears) begun.delete(topic)
    }
    const inOrder = (some: readonly number[]) => some.toSorted((a, b) => a - b)
    for (const id of inOrder([...ids, ...stand])) look(id, () => true)
    const known = new Set(begun.keys())
    for (const id of inOrder(stand)) look(id, (topic) => !known.has(topic))
    return [...begun.values()]
  }

  /** Letters that wait and tell, among others, what is over by this one or by what it tells: it is behind them for whom they are still to tell it. */
  tellersOf(id: number): number[] {
    const after = this.#after.get(id)
    if (after) return after.filter((letter) => this.#rows.find(letter) >= 0)
    const row = this.#rows.find(id)
    const { flags, topic } = this.#rows.columns
    if (!((flags[row] ?? 0) & flag.clears)) return []
    return this.#begun.of(topic[row] ?? 0).flatMap((one) => (one.id < id ? [one.letter] : []))
  }

  /** One recipient is settled. Returns the letter's last state when nobody is left, and forgets it. */
  settle(id: number, recipient: string): LetterState | undefined {
    const row = this.#rows.find(id)
    if (row < 0) return undefined
    const c = this.#rows.columns
    const index = this.#rows.recipients(row).indexOf(recipient)
    if (index >= 0) c.pending[row] = ((c.pending[row] ?? 0) & ~(1 << index)) >>> 0
    return c.pending[row] === 0 ? this.#drop(row) : undefined
  }

  /** Nobody waits for it any more. */
  drop(id: number): LetterState | undefined {
    const row = this.#rows.find(id)
    return row < 0 ? undefined : this.#drop(row)
  }

  /** The next try is not before `nextTry` (monotonic ms). `attempts` saturates at 255. */
  defer(id: number, attempts: number, nextTry: number): void {
    const row = this.#rows.find(id)
    if (row < 0) return
    this.#rows.columns.attempts[row] = Math.min(255, attempts)
    this.#rows.columns.nextTry[row] = nextTry
  }

  hold(id: number, held: boolean): boolean {
    return this.#setFlag(id, flag.held, held)
  }

  /** It has been composed, and is so large. */
  composed(id: number, octets: number): void {
    const row = this.#rows.find(id)
    if (row >= 0) this.#rows.columns.octets[row] = octets
  }

  /** In the air, or given to somebody: not picked again. `lane` names the connection (0 to 255) on which it leaves. */
  away(id: number, away: boolean, lane = 0): boolean {
    const row = this.#rows.find(id)
    if (row >= 0) this.#rows.columns.lane[row] = lane
    return this.#setFlag(id, flag.away, away)
  }

  isAway(id: number): boolean {
    const row = this.#rows.find(id)
    return row >= 0 && ((this.#rows.columns.flags[row] ?? 0) & flag.away) !== 0
  }

  /** Nothing but recipients of this box: the courier leaves it alone. */
  local(id: number, local: boolean): boolean {
    return this.#setFlag(id, flag.local, local)
  }

  /** Ids of what `leaving` finds. */
  due(now: number, limit: number, picking: Picking = {}): number[] {
    return this.leaving(now, limit, picking).map(({ id }) => id)
  }

  /**
   * Up to `limit` letters that may leave now: digests first, then the worst, then the oldest. One whose elder of the same source and key cannot leave yet
   * stays behind it for those who are still to be told of both, unless it is worse than the elder. What clears stays behind also then, unless it is
   * critical and the elder is not in the air, and its elders have their turn with it (no RESOLVED before FIRING); there a digest counts as each raise in it that
   * still stands, and as each clear. An elder that left on the same lane is before it anyway. Without a key nothing hangs on the order: there one that was put
   * off, or is kept for its size, which may last for days, keeps nobody back.
   */
  leaving(now: number, limit: number, picking: Picking = {}): Leaving[] {
    this.#rows.sort()
    const clears = new Map<number, Clearing>()
    for (;;) {
      const picked = this.#picked(now, limit, picking, new Turns([...clears.values()]))
      const known = clears.size
      for (const { id } of picked) if (!clears.has(id)) this.#noteClearing(id, clears)
      // Mostly nothing is cleared, or a second look has the elders, too.
      if (clears.size === known) return picked
    }
  }

  #noteClearing(id: number, clears: Map<number, Clearing>): void {
    const row = this.#rows.find(id)
    const { flags, topic, rank } = this.#rows.columns
    if ((flags[row] ?? 0) & flag.clears) clears.set(id, { id, topic: topic[row] ?? 0, rank: rank[row] ?? 0 })
  }

  #picked(now: number, limit: number, { leave = freeLeave, lane, serves = () => true, merging = false }: Picking, turns: Turns): Leaving[] {
    const c = this.#rows.columns
    const first: Leaving[] = []
    const found: Leaving[][] = severities.map(() => [])
    const blocked = new Map<number, Map<string, number>>()
    const inAir = new Map<number, Map<string, number>>()
    const untold = merging ? undefined : this.#untold(lane)
    for (let row = 0; row < this.#rows.count; row++) {
      const flags = c.flags[row] ?? 0
      if (flags & (flag.gone | flag.local | flag.kept)) continue
      if (lane !== undefined && flags & flag.away && c.lane[row] === lane) continue
      const severity = c.rank[row] ?? 0
      const topic = this.#order(row)
      const putOff = (c.nextTry[row] ?? 0) > now
      const free = (flags & (flag.held | flag.away)) === 0 && !putOff
      const kept =
        free && leave !== freeLeave
          ? keptBy(leave, severity, (flags & flag.first) !== 0 ? 0 : (c.octets[row] ?? 0), c.accepted[row] ?? 0)
          : undefined
      if (!free || kept !== undefined) {
        const keepsBack = (flags & flag.held) === 0 && !((flags & flag.loose) !== 0 && (putOff || kept === 'size'))
        if (keepsBack) this.#block(topic, this.#rows.pending(row), severity, blocked)
        if (keepsBack && flags & flag.away) this.#block(topic, this.#rows.pending(row), severity, inAir)
        continue
      }
      const behind = this.#behind(row, severity, untold, blocked.get(topic), inAir.get(topic))
      // What is over is not told behind what has begun anew; and a digest that leaves as soon as another has is not passed by the next one.
      if (behind && (flags & flag.clears || this.#leavesSoon(c.id[row] ?? 0, now))) this.#block(topic, behind, severity, blocked)
      const list = flags & flag.first ? first : found[turns.of(c.id[row] ?? 0, topic, severity)]
      if (list && list.length < limit && this.#rows.somePending(row, behind ? (ref) => !behind.has(ref) && serves(ref) : serves))
        list.push({ id: c.id[row] ?? 0, ...(behind ? { behind } : {}) })
      if (found[0] && found[0].length >= limit && this.#firsts === 0) break
    }
    return [...first, ...found.flat()].slice(0, limit)
  }

  /** Those that it is behind are not put off, nor those that they are behind. */
  #leavesSoon(id: number, now: number): boolean {
    const elders = new Set(this.#after.get(id))
    if (elders.size === 0) return false
    for (const letter of elders) {
      if ((this.#rows.columns.nextTry[this.#rows.find(letter)] ?? 0) > now) return false
      for (const elder of this.#after.get(letter) ?? []) elders.add(elder)
    }
    return true
  }

  /** Who is still to be told of a letter. */
  pendingOf(id: number): string[] {
    const row = this.#rows.find(id)
    return row < 0 ? [] : this.#rows.pending(row)
  }

  /** These wait for a letter, and hear of no later one about the same thing, unless it is worse: by topic and recipient, the worst severity. */
  #block(topic: number, refs: Iterable<string>, severity: number, blocked: Map<number, Map<string, number>>): void {
    const waits = blocked.get(topic) ?? new Map<string, number>()
    blocked.set(topic, waits)
    for (const ref of refs) if (severity < (waits.get(ref) ?? Number.POSITIVE_INFINITY)) waits.set(ref, severity)
  }

  #behind(
    row: number,
    severity: number,
    untold?: Untold,
    waits?: ReadonlyMap<string, number>,
    inAir?: ReadonlyMap<string, number>,
  ): ReadonlySet<string> | undefined {
    const clears = ((this.#rows.columns.flags[row] ?? 0) & flag.clears) !== 0
    const since = untold && this.#toBeTold(row, severity, untold)
    if (!waits && !since) return undefined
    const id = this.#rows.columns.id[row] ?? 0
    // A critical letter waits for nothing that is less, but for what is on its way already.
    const elders = severity > 0 ? waits : inAir
    const isBehind = (ref: string) =>
      (clears && elders?.has(ref)) ||
      (waits?.get(ref) ?? Number.POSITIVE_INFINITY) <= severity ||
      (since?.get(ref) ?? Number.POSITIVE_INFINITY) < id
    const behind = this.#rows.pending(row).filter(isBehind)
    return behind.length > 0 ? new Set(behind) : undefined
  }

  /** Letters that tell several and keep back what clears something of that; one that may leave does, for it may be put off. */
  #untold(lane: number | undefined): Untold | undefined {
    const c = this.#rows.columns
    const letters = new Map<number, Bundle>()
    for (const letter of this.#begun.letters) {
      const row = this.#rows.find(letter)
      const flags = c.flags[row] ?? flag.gone
      const away = (flags & flag.away) !== 0
      if (flags & (flag.gone | flag.held | flag.local | flag.kept) || (away && lane !== undefined && c.lane[row] === lane)) continue
      letters.set(letter, { refs: this.#rows.pending(row), rank: c.rank[row] ?? 0, away })
    }
    return letters.size > 0 ? { letters, since: new Map() } : undefined
  }

  /** Who is still to be told of what is over by this letter, and from which raise on. */
  #toBeTold(row: number, severity: number, { letters, since }: Untold): ReadonlyMap<string, number> | undefined {
    const { id, flags } = this.#rows.columns
    const after = this.#after.get(id[row] ?? 0)
    if (after)
      return firstRaises(
        after.map((letter) => ({ letter, id: 0, rank: letters.get(letter)?.rank ?? 0 })),
        severity,
        letters,
      )
    const topic = this.#order(row)
    const tellers = (flags[row] ?? 0) & flag.clears ? this.#begun.of(topic) : []
    if (tellers.length === 0) return undefined
    const name = severity > 0 ? topic : topic + apart
    const known = since.get(name) ?? firstRaises(tellers, severity, letters)
    since.set(name, known)
    return known
  }

  /** When the first letter that only waits for its time may leave; undefined when none does. */
  nextDue(now: number): number | undefined {
    const c = this.#rows.columns
    let first: number | undefined
    for (let row = 0; row < this.#rows.count; row++) {
      if (((c.flags[row] ?? 0) & (flag.gone | flag.held | flag.away | flag.local | flag.kept)) !== 0) continue
      const at = c.nextTry[row] ?? 0
      // One whose time has come and that still waits is behind its elder, which is looked at on its own.
      if (at > now && (first === undefined || at < first)) first = at
    }
    return first
  }

  /** When it was accepted, reckoned anew. */
  redate(id: number, accepted: number): void {
    const row = this.#rows.find(id)
    if (row >= 0) this.#rows.columns.accepted[row] = accepted
  }

  /** Ids of letters accepted before `accepted` (this boot's monotonic ms), and not before `since`, at most `limit`. */
  olderThan(accepted: number, limit: number, since = Number.NEGATIVE_INFINITY): number[] {
    const c = this.#rows.columns
    const ids: number[] = []
    for (let row = 0; row < this.#rows.count && ids.length < limit; row++) {
      const at = c.accepted[row] ?? 0
      if (((c.flags[row] ?? 0) & (flag.gone | flag.away)) === 0 && at < accepted && at >= since) ids.push(c.id[row] ?? 0)
    }
    return ids
  }

  /** Every letter in a segment. */
  inSegment(segment: number): number[] {
    return this.ids(Number.MAX_SAFE_INTEGER, 0, (row) => this.#rows.columns.segment[row] === segment)
  }

  /** Ids in order, from the first above `after`. */
  ids(limit: number, after = 0, matches: (row: number) => boolean = () => true): number[] {
    const c = this.#rows.columns
    const ids: number[] = []
    for (let row = 0; row < this.#rows.count && ids.length < limit; row++) {
      const id = c.id[row] ?? 0
      if (id > after && ((c.flags[row] ?? 0) & flag.gone) === 0 && matches(row)) ids.push(id)
    }
    return ids
  }

  /** How many the rules keep. */
  get kept(): number {
    let kept = 0
    for (let row = 0; row < this.#rows.count; row++) if ((this.#rows.columns.flags[row] ?? 0) & flag.kept) kept++
    return kept
  }

  /** Letters waiting, by severity. */
  counts(): Record<Severity, number> {
    const counts: Record<Severity, number> = { critical: 0, warning: 0, info: 0 }
    for (let row = 0; row < this.#rows.count; row++) {
      const severity = severities[this.#rows.columns.rank[row] ?? 0]
      if (severity && ((this.#rows.columns.flags[row] ?? 0) & flag.gone) === 0) counts[severity]++
    }
    return counts
  }

  #state(row: number): LetterState {
    const c = this.#rows.columns
    return {
      id: c.id[row] ?? 0,
      segment: c.segment[row] ?? 0,
      offset: c.offset[row] ?? 0,
      bytes: c.bytes[row] ?? 0,
      severity: severities[c.rank[row] ?? 0] ?? 'warning',
      to: this.#rows.recipients(row),
      pending: c.pending[row] ?? 0,
      attempts: c.attempts[row] ?? 0,
      nextTry: c.nextTry[row] ?? 0,
      accepted: c.accepted[row] ?? 0,
      held: ((c.flags[row] ?? 0) & flag.held) !== 0,
      kept: ((c.flags[row] ?? 0) & flag.kept) !== 0,
      octets: c.octets[row] ?? 0,
      keyed: ((c.flags[row] ?? 0) & flag.loose) === 0,
      first: ((c.flags[row] ?? 0) & flag.first) !== 0,
    }
  }

  #setFlag(id: number, bit: number, on: boolean): boolean {
    const row = this.#rows.find(id)
    if (row < 0) return false
    const flags = this.#rows.columns.flags[row] ?? 0
    this.#rows.columns.flags[row] = on ? flags | bit : flags & ~bit
    return true
  }

  #drop(row: number): LetterState {
    const state = this.#state(row)
    if ((this.#rows.columns.flags[row] ?? 0) & flag.first) this.#firsts--
    this.#begun.drop(state.id)
    this.#after.delete(state.id)
    this.#rows.drop(row)
    return state
  }
}

/** The first raise that each recipient is still to be told by these. A critical letter waits only for what is as bad, or is on its way. */
function firstRaises(tellers: readonly Teller[], severity: number, letters: ReadonlyMap<number, Bundle>): ReadonlyMap<string, number> {
  const first = new Map<string, number>()
  for (const { letter, id, rank: worst } of tellers) {
    const bundle = letters.get(letter)
    if (!bundle || !(severity > 0 || worst === 0 || bundle.away)) continue
    for (const ref of bundle.refs) if (id < (first.get(ref) ?? Number.POSITIVE_INFINITY)) first.set(ref, id)
  }
  return first
}
