import type { AlertState, Reading } from '../alert/alert.ts'
import { type Stamp, stampNow } from '../alert/stamp.ts'
import { isKnown, type KnownTime, localTime, whenHappened } from '../alert/when.ts'
import type { Cancel, Clock } from '../ports/clock.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Queue } from '../queue/queue.ts'
import { nextWeekly } from '../rules/hours.ts'
import type { Standing } from '../rules/standing.ts'
import type { SourceState, Taken } from '../source/source.ts'
import { ownSource } from './backlog.ts'
import type { Diary, Silent, Weekly } from './diary.ts'
import { wordsOf } from './vigil-words.ts'

/**
 * Vigil: what nobody says is told, too: a source that is silent, a box that was off without a goodbye, and once a week that all is well. These are alerts of
 * source `outpost`, and go by the rules like all others.
 *
 * Silence is what the box has listened to: the time in which it was off says nothing of a source, and no clock is needed. It is counted over restarts. A goodbye
 * writes down all of it, a life that was cut short leaves out an hour at most. However long it was before, a source is given some minutes in each life.
 */
export type VigilOptions = {
  clock: Clock
  log: Log
  queue: Queue
  standing: Standing
  diary: Diary
  /** Sources whose silence is worth an alert, and after how many ms. */
  silences: ReadonlyMap<string, number>
  reports?: { weekly: string; to: readonly string[] }
  deviceId: string
  site: { timeZone: string; language: 'en' | 'de' }
  known(): KnownTime
  sourceOf(id: string): SourceState | undefined
  offer(reading: Reading): Promise<Taken>
  /** A letter to these people, whatever the rules say; to whoever the rules name when there are none. */
  report(reading: Reading, to: readonly string[]): Promise<Taken>
}

/** A timer that waits for a wall clock looks again after this: the clock may be set meanwhile. */
const longestMs = 3_600_000
const shortestMs = 1000
/** After a refusal: room may be there again, or the disk. */
const againMs = 60_000

/** How often it is written down how long sources have been silent that have been so for as long. */
const countMs = 3_600_000
/** A source that was not heard in this life is not called silent earlier: its line has to be opened, and its device to say something. */
const graceMs = 600_000

/** Boxes of a fleet are told the same hour; each has its own moment within so long after it. */
const weeklyMs = 600_000
const lotOf = (deviceId: string): number => Math.floor((Number.parseInt(deviceId.slice(0, 8), 16) / 2 ** 32) * weeklyMs)

export class Vigil {
  readonly #options: VigilOptions
  readonly #heardAt = new Map<string, number>()
  readonly #begunAt: number
  /** For how long each source was silent when this life began. */
  readonly #silentBefore: ReadonlyMap<string, number>
  #countedAt: number
  /** What nobody watches any more, and was told so. */
  readonly #released = new Set<string>()
  /** Since when the last weekly letter has been one of a time to come (monotonic ms). */
  #aheadSince: number | undefined
  #timer: Cancel | undefined
  #stopped = false
  #looking = false

  constructor(options: VigilOptions) {
    this.#options = options
    this.#begunAt = options.clock.monotonic()
    this.#countedAt = this.#begunAt
    this.#silentBefore = new Map([...options.silences.keys()].map((source) => [source, options.diary.silentMs(source)]))
  }

  /** Tells of a life that was cut short, and begins to watch. */
  async start(): Promise<void> {
    const { clock, queue, diary, reports, log } = this.#options
    const { cutShort: before, last } = diary
    const waiting = queue.waiting.size
    try {
      // First, or a reminder of it is due.
      await this.#release()
      if (before && reports) await this.#options.report(this.#cutShort(before, waiting), reports.to)
      await queue.keep({ kind: 'diary', do: 'begun', stamp: stampNow(clock), ...(last ? { after: last } : {}) })
    } catch (error) {
      log('warning', 'vigil: the beginning of this life is not written down', { why: sentence(error) })
    }
    await this.#look()
  }

  /** A goodbye: what comes next was not cut short. */
  async stop(): Promise<void> {
    const { queue, clock, log } = this.#options
    this.#stopped = true
    this.#timer?.()
    await queue
      .keep({ kind: 'diary', do: 'ended', stamp: stampNow(clock), silent: this.#silent() })
      .catch((error) => log('warning', 'vigil: the end of this life is not written down', { why: sentence(error) }))
  }

  /** It said something, whatever that was. */
  heard(source: string): void {
    const { silences, clock, diary, queue } = this.#options
    if (!silences.has(source)) return
    this.#heardAt.set(source, clock.monotonic())
    // Once after it was written down: no frame costs a write of its own.
    if (diary.silentMs(source) > 0) queue.jot({ kind: 'diary', do: 'heard', source, stamp: stampNow(clock) })
    if (this.#isSilent(source)) void this.#offer(source, 'cleared')
  }

  /** Looks at every source and at the week, and sets the time of the next look. */
  async #look(): Promise<void> {
    if (this.#looking || this.#stopped) return
    this.#looking = true
    let waitMs = longestMs
    try {
      for (const [source, silentMs] of this.#options.silences) {
        const left = this.#leftMs(source, silentMs)
        if (left > 0) waitMs = Math.min(waitMs, left)
        else {
          const isTold = this.#isSilent(source) || (await this.#offer(source, 'raised'))
          // It may speak at any moment, and fall silent again.
          waitMs = Math.min(waitMs, isTold ? silentMs : againMs)
        }
      }
      waitMs = Math.min(waitMs, await this.#release(), await this.#week(), await this.#count())
    } catch (error) {
      this.#options.log('error', 'vigil: a look failed', { why: sentence(error) })
    } finally {
      this.#looking = false
    }
    if (!this.#stopped) this.#timer = this.#options.clock.after(Math.max(shortestMs, waitMs), () => void this.#look())
  }

  /** How long the box has listened to it since it was heard last. */
  #silentMs(source: string): number {
    const now = this.#options.clock.monotonic()
    const heardAt = this.#heardAt.get(source)
    return heardAt === undefined ? (this.#silentBefore.get(source) ?? 0) + now - this.#begunAt : now - heardAt
  }

  /** How long it may still be silent. */
  #leftMs(source: string, silentMs: number): number {
    const left = silentMs - this.#silentMs(source)
    if (this.#heardAt.has(source)) return left
    return Math.max(left, this.#begunAt + Math.min(silentMs, graceMs) - this.#options.clock.monotonic())
  }

  #silent(): Silent {
    return Object.fromEntries([...this.#options.silences.keys()].map((source) => [source, Math.round(this.#silentMs(source))]))
  }

  /** Writes down what has been silent for long, for a life that is cut short; not what was told already. Returns when that is due again. */
  async #count(): Promise<number> {
    const { clock, queue } = this.#options
    const leftMs = this.#countedAt + countMs - clock.monotonic()
    if (leftMs > 0) return leftMs
    this.#countedAt = clock.monotonic()
    const long = Object.entries(this.#silent()).filter(([source, ms]) => ms >= countMs && !this.#isSilent(source))
    if (long.length > 0) await queue.keep({ kind: 'diary', do: 'silent', stamp: stampNow(clock), silent: Object.fromEntries(long) })
    return countMs
  }

  /** What is raised and nobody watches any more would stand for ever: it is over, and why is said. Returns when to look again. */
  async #release(): Promise<number> {
    const { standing, silences } = this.#options
    const raised = standing.situations.flatMap(({ source, key }) => (source === ownSource && key.startsWith(keyOf('')) ? [key] : []))
    for (const key of new Set(raised)) {
      const source = key.slice(keyOf('').length)
      if (silences.has(source) || this.#released.has(source)) continue
      if (!(await this.#offer(source, 'cleared'))) return againMs
      this.#released.add(source)
    }
    return longestMs
  }

  #isSilent(source: string): boolean {
    return this.#options.standing.open(ownSource, keyOf(source)).length > 0
  }

  /** False: it was refused for now. */
  async #offer(source: string, state: AlertState): Promise<boolean> {
    const { silences, sourceOf, site, log } = this.#options
    const say = wordsOf(site.language)
    const down = sourceOf(source)
    const why = down && down.state !== 'up' && down.why !== undefined ? ` (${down.why})` : ''
    const over = silences.has(source) ? say.speaks(source) : say.unwatched(source, down !== undefined)
    const text = state === 'cleared' ? over : `${say.silent(source, silences.get(source) ?? 0)}${why}`
    const taken = await this.#options.offer({ text, key: keyOf(source), state, severity: state === 'cleared' ? 'info' : 'warning' })
    if (taken.kind === 'refused') log('warning', 'vigil: the silence of a source is told later', { source, why: taken.why })
    return taken.kind !== 'refused'
  }

  /** The weekly letter when its time has come; returns how long it has not. */
  async #week(): Promise<number> {
    const { reports, diary, clock, site, queue, deviceId, known } = this.#options
    // A clock that nobody has set knows no week.
    if (!reports || clock.synchronised() === 'no' || clock.wall() < known().builtAt) return longestMs
    const last = diary.weekly
    const now = stampNow(clock)
    if (!last) {
      // The first week begins now.
      await queue.keep({ kind: 'diary', do: 'weekly', stamp: now, numbers: queue.numbers, settled: diary.settlements })
      return this.#week()
    }
    if (last.stamp.wall > now.wall) return this.#redate(last, now)
    this.#aheadSince = undefined
    const next = nextWeekly(reports.weekly, last.stamp.wall, site.timeZone)
    if (next === undefined) return longestMs
    const waitMs = next + lotOf(deviceId) - now.wall
    if (waitMs > 0) return waitMs
    const taken = await this.#options.report(this.#weekly(last), reports.to)
    if (taken.kind !== 'refused')
      await queue.keep({ kind: 'diary', do: 'weekly', stamp: now, numbers: queue.numbers, settled: diary.settlements })
    return shortestMs
  }

  /**
   * A clock that was ahead has dated the last weekly letter: it counts as of now, or there would be none until then. Not at once, for a clock may wake
   * behind, too, and be set soon. Returns when to look again.
   */
  async #redate(last: Weekly, now: Stamp): Promise<number> {
    this.#aheadSince ??= now.mono
    const waitMs = this.#aheadSince + longestMs - now.mono
    if (waitMs > 0) return waitMs
    await this.#options.queue.keep({ kind: 'diary', do: 'weekly', ...last, stamp: now })
    return shortestMs
  }

  #weekly({ numbers: before, settled: settledBefore, stamp: { wall: since } }: Weekly): Reading {
    const { queue, site, standing, diary } = this.#options
    const say = wordsOf(site.language)
    const lines = Object.entries(queue.numbers)
      .filter(([source, number]) => source !== ownSource && number > (before[source] ?? 0))
      .map(([source, number]) => say.came(source, (before[source] ?? 0) + 1, number))
    const { waiting, damaged, unreadable } = queue.facts
    const text = [
      say.alive,
      ...(lines.length > 0 ? lines : [say.nothing]),
      say.settled((how) => diary.settlements[how] - settledBefore[how]),
      say.standing(waiting - standing.parked.size, standing.parked.size, standing.situations.length),
      say.lost(damaged + unreadable),
    ].join('\n')
    return {
      text,
      key: 'weekly',
      state: 'event',
      severity: 'info',
      fields: { since: localTime(since as Parameters<typeof localTime>[0], site.timeZone) },
    }
  }

  /** How things stand, for somebody who asked. */
  state(): Reading {
    const { queue, site, standing, diary } = this.#options
    const say = wordsOf(site.language)
    const { waiting, damaged, unreadable } = queue.facts
    const raised = standing.situations.slice(0, raisedLimit).map((one) => `${one.severity}: ${one.text.split('\n')[0]}`)
    const text = [
      say.alive,
      say.standing(waiting - standing.parked.size, standing.parked.size, standing.situations.length),
      ...raised,
      say.settled((how) => diary.settlements[how]),
      say.lost(damaged + unreadable),
    ].join('\n')
    return { text, key: 'state', state: 'event', severity: 'info' }
  }

  /** For somebody whose answer to a letter could not do all that it was meant to. */
  limits(letter: number, { raised, silenced }: { raised: number; silenced: number }): Reading {
    const say = wordsOf(this.#options.site.language)
    return {
      text: raised === 0 ? say.over(letter) : say.tooMany(letter, raised, silenced),
      key: 'answer',
      state: 'event',
      severity: 'info',
    }
  }

  #cutShort({ last }: NonNullable<Diary['cutShort']>, waiting: number): Reading {
    const { clock, site, known } = this.#options
    const say = wordsOf(site.language)
    const now = stampNow(clock)
    const time = (stamp: typeof now) => {
      const when = whenHappened(stamp, now, known())
      return `${isKnown(when) ? '' : '~'}${localTime(when.at, site.timeZone)}`
    }
    const text = last.boot === clock.boot ? say.killed(time(last), waiting) : say.off(time(last), time(now), waiting)
    return { text, key: 'power', state: 'event', severity: 'warning' }
  }
}

/** Named in an answer; the others are counted. */
const raisedLimit = 20

const keyOf = (source: string): string => `silent/${source}`
