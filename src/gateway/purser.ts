import { rank } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import type { Letter } from '../mail/letter.ts'
import { type Clock, instant } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { type Amount, dayEnds, isUsedUp, type Spent, spend, spentToday } from '../queue/budget.ts'
import { keptBy, type Leave, leaveOf } from '../queue/leave.ts'
import type { Queue } from '../queue/queue.ts'
import type { LetterState } from '../queue/waiting.ts'
import type { Outcome } from '../relay/outcome.ts'

/**
 * Purser: knows what the link costs. Counts what leaves the box against the budget of the day, keeps the count in the journal, and says which
 * letters have leave: once the budget is used up critical ones only, and over a metered link no large ones (src/queue/leave.ts).
 */
export type PurserOptions = {
  clock: Clock
  log: Log
  queue: Queue
  timeZone: string
  /** No earlier time is believable, in ms. */
  builtAt: number
  /** What may leave in a day; undefined: as much as there is. */
  perDay?: Amount | undefined
  /** Largest letter over a metered link, in octets. */
  meteredBytes: number
  keepMs: number
  /** Whether the link of now is metered. */
  metered(): boolean
}

/** For the page: the count of today, of what, and until when it counts (ISO 8601). */
export type BudgetFacts = Amount & { of: Amount; until: string }

/** What one flight takes along. */
export type Cargo = {
  /** The flight asks for this letter; false: it must stay, and so must those behind it. */
  board(letter: Letter): boolean
  settled(id: number, outcome: Outcome): void
  /** The flight is over; `sent` octets went to the relay in all. */
  over(sent: number): void
}

/** A count that is this old is noted when the next letter leaves; a power cut forgets no more. */
const noteEveryMs = 1000

export class Purser {
  readonly #options: PurserOptions
  /** Octets of letters that were given to a flight and may leave at any moment. */
  readonly #aboard = new Map<number, number>()
  #spent: Spent | undefined
  #notedAt = Number.NEGATIVE_INFINITY
  /** The end of the day whose budget was said to be used up. */
  #saidUntil = 0

  constructor(options: PurserOptions) {
    this.#options = options
    this.#spent = options.queue.spent
  }

  leave(): Leave {
    const { clock, meteredBytes, keepMs } = this.#options
    return leaveOf({ now: clock.monotonic(), usedUp: this.#isUsedUp(), metered: this.#options.metered(), meteredBytes, keepMs })
  }

  /** Why a letter that could leave does not; a sentence. */
  why(id: number): string | undefined {
    const state = this.#options.queue.waiting.get(id)
    const kept = state && this.#keptBack(state)
    if (kept === 'budget') return 'The budget of the day is used up; it leaves tomorrow.'
    return kept && 'It is large, and the link is metered; it waits for a cheaper one, for half of its keep time at most.'
  }

  flight(): Cargo {
    const { queue } = this.#options
    const ashore: number[] = []
    const taken = new Set<number>()
    const left = new Set<number>()
    let counted = 0
    return {
      board: (letter) => {
        queue.waiting.composed(letter.id, letter.content.length)
        if (!this.#hasLeave(letter.id) || this.#isBehind(letter.id, ashore)) {
          ashore.push(letter.id)
          return false
        }
        taken.add(letter.id)
        this.#aboard.set(letter.id, letter.content.length)
        return true
      },
      settled: (id, outcome) => {
        const octets = this.#aboard.get(id)
        if (octets === undefined || left.has(id) || outcome.kind === 'refused' || outcome.kind === 'deferred') return
        left.add(id)
        this.#aboard.delete(id)
        counted += octets
        this.#spend({ letters: 1, octets })
      },
      over: (sent) => {
        for (const id of taken) this.#aboard.delete(id)
        // What was refused after its content, and the words around the letters, left the box, too. A flight without a letter is not worth a note.
        if (sent > 0) this.#spend({ letters: 0, octets: Math.max(0, sent - counted) }, left.size > 0)
      },
    }
  }

  /** Undefined without a budget. */
  facts(): BudgetFacts | undefined {
    const { perDay, clock, timeZone } = this.#options
    if (!perDay) return undefined
    return { ...this.#today(), of: { ...perDay }, until: new Date(dayEnds(clock.wall(), timeZone)).toISOString() }
  }

  #hasLeave(id: number): boolean {
    const state = this.#options.queue.waiting.get(id)
    return state === undefined || this.#keptBack(state) === undefined
  }

  #keptBack({ severity, first, octets, accepted }: LetterState): ReturnType<typeof keptBy> {
    return keptBy(this.leave(), rank(severity), first ? 0 : octets, accepted)
  }

  /** An elder of the same source and key stayed; only a worse letter passes it (docs/promises.md). */
  #isBehind(id: number, ashore: readonly number[]): boolean {
    const { waiting } = this.#options.queue
    if (waiting.get(id)?.keyed !== true) return false
    const severity = (one: number) => rank(waiting.get(one)?.severity ?? 'info')
    return ashore.some((elder) => elder < id && waiting.orderOf(elder) === waiting.orderOf(id) && severity(elder) <= severity(id))
  }

  #today(): Amount {
    const { clock, builtAt, timeZone } = this.#options
    return spentToday(this.#spent, stampNow(clock), instant(builtAt), timeZone)
  }

  #isUsedUp(): boolean {
    const { perDay } = this.#options
    if (!perDay) return false
    const today = this.#today()
    const octets = [...this.#aboard.values()].reduce((sum, one) => sum + one, today.octets)
    return isUsedUp({ letters: today.letters + this.#aboard.size, octets }, perDay)
  }

  #spend(amount: Amount, note = false): void {
    const { clock, queue, builtAt, timeZone, perDay } = this.#options
    if (!perDay) return
    this.#spent = spend(this.#spent, amount, stampNow(clock), instant(builtAt), timeZone)
    const now = clock.monotonic()
    const noted = note || (amount.letters > 0 && now - this.#notedAt >= noteEveryMs)
    if (noted) this.#notedAt = now
    queue.keepSpent(this.#spent, noted)
    this.#say()
  }

  /** Once a day. */
  #say(): void {
    const { log, perDay } = this.#options
    const facts = this.facts()
    if (!facts || !perDay || !isUsedUp(facts, perDay)) return
    const until = Date.parse(facts.until)
    if (until === this.#saidUntil) return
    this.#saidUntil = until
    log('warning', 'budget: used up, warnings and infos wait for the next day', {
      letters: facts.letters,
      octets: facts.octets,
      ofLetters: perDay.letters,
      ofOctets: perDay.octets,
      until: facts.until,
    })
  }
}
