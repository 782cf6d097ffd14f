import type { Letter } from '../mail/letter.ts'
import { sentence } from '../ports/log.ts'
import type { Ports } from '../ports/ports.ts'
import { jitter } from '../ports/random.ts'
import type { Mark } from '../queue/mark.ts'
import type { Queue } from '../queue/queue.ts'
import { nextTry } from '../queue/schedule.ts'
import type { Fault, Outcome, Stage } from '../relay/outcome.ts'
import type { Recipient } from './people.ts'
import type { Postmaster } from './postmaster.ts'
import type { Cargo, Purser } from './purser.ts'
import type { Scribe, Written } from './scribe.ts'

/** Whom a host serves, and where those go whom it turns away. */
export type Service = {
  /** Who may be told by this host. */
  serves(recipient: Recipient): boolean
  /** What became of a letter for this address. */
  heard?(address: string, outcome: Outcome): void
  /** Whether a letter of which these were turned away because of us goes on to another host at once, with all who were to be told here and are left. */
  goesOn?(turnedAway: readonly string[], left: readonly string[]): boolean
}

/**
 * Load: what one flight carries. Letters are picked from the queue and composed as the flight asks for them, and what became of each recipient is
 * written down as it is heard.
 */
export type LoadOptions = Service & {
  ports: Ports
  queue: Queue
  scribe: Scribe
  postmaster: Postmaster
  purser: Purser
  retryMs: readonly number[]
  /** Takes no more letters once aborted. */
  signal: AbortSignal
  /** Names the connection among those that fly at once. */
  lane: number
  /** Letters that are composed (and, when late, frozen under one sync) ahead of the relay. */
  ahead(): number
  /** Called once, when the relay has answered and before the first letter is picked. */
  begin?(): Promise<void>
}

/** Letters done in one flight from which on they are worth a sync of their own: were the power to go now, each of them would come twice. */
const worthSync = 4

/** Octets of letters that are composed ahead: mails that are passed on may have megabytes. */
const aheadBytes = 1024 * 1024

/** Where a line that breaks may have broken because of the letter. */
const ofTheLetter: readonly Stage[] = ['mail', 'rcpt', 'data', 'content']
/** How long a letter stands aside under which the line broke for the second, the third and each further time. Shorter than after 4yz, for nobody has said no. */
const brokenMs = [60_000, 120_000, 300_000]

/** Letters that may stand aside for what they follow, before no more are picked. */
const behindLimit = 48

export class Load {
  readonly #options: LoadOptions
  readonly #ready: Written[] = []
  readonly #aboard = new Map<number, Written>()
  /** Those of them that were handed to the relay, in their order. */
  readonly #sent = new Set<number>()
  readonly #deferred = new Map<number, string>()
  /** Who was turned away because of us. */
  readonly #turnedAway = new Map<number, Set<string>>()
  readonly #uncertain = new Set<number>()
  /** Somebody has it already: whoever is left gets the same octets. */
  readonly #given = new Set<number>()
  #notices: Promise<unknown>[] = []
  #begun = false
  #done = 0
  readonly #cargo: Cargo

  constructor(options: LoadOptions) {
    this.#options = options
    this.#cargo = options.purser.flight()
  }

  async next(): Promise<Letter | undefined> {
    if (this.#options.signal.aborted) return undefined
    if (!this.#begun) {
      this.#begun = true
      await this.#options.begin?.()
    }
    for (let empty = false; !empty; ) {
      const next = this.#takeReady()
      if (!next) empty = this.#ready.length > behindLimit || (await this.#compose()) === 0
      else if (!this.#keptBack(next) && this.#cargo.board(next.letter)) {
        this.#sent.add(next.letter.id)
        return next.letter
      }
    }
    return undefined
  }

  /**
   * The first that need not stand aside. While what a letter clears or tells again is in the air, or a digest that says to stand what is over by it, it waits, and so do
   * those of the same source and key behind it: should the elder be put off, nobody hears that something is over before hearing of it.
   */
  #takeReady(): Written | undefined {
    const { waiting } = this.#options.queue
    const aside = new Map<number | undefined, number>()
    for (const [index, one] of this.#ready.entries()) {
      const { id } = one.letter
      const order = waiting.orderOf(id)
      const elder = aside.get(order)
      if (this.#eldersOf(one).some((other) => this.#aboard.has(other))) aside.set(order, Math.min(id, elder ?? id))
      else if (elder === undefined || id < elder) {
        this.#ready.splice(index, 1)
        return one
      }
    }
    return undefined
  }

  /** What it clears or tells again, and what says to stand what is over by it. */
  #eldersOf({ letter: { id }, alert: { parent } }: Written): number[] {
    const tellers = this.#options.queue.waiting.tellersOf(id)
    return parent !== undefined && parent < id ? [parent, ...tellers] : tellers
  }

  /** An elder of the same source and key was put off in this very flight, and somebody waits for both: it goes first. */
  #keptBack({ letter: { id }, recipients }: Written): boolean {
    const { waiting } = this.#options.queue
    if (waiting.get(id)?.keyed !== true) return false
    const order = waiting.orderOf(id)
    return [...this.#deferred.keys()].some(
      (elder) =>
        elder < id && waiting.orderOf(elder) === order && waiting.pendingOf(elder).some((ref) => recipients.some((one) => one.ref === ref)),
    )
  }

  /** A group is composed at once, so that the late ones among them are frozen under one sync. Returns how many there are. */
  async #compose(): Promise<number> {
    const { queue, scribe, ports, postmaster, purser, lane, ahead } = this.#options
    const serves = (ref: string) => this.#options.serves(scribe.recipient(ref))
    const leaving = queue.waiting.leaving(ports.clock.monotonic(), ahead(), { leave: purser.leave(), lane, serves })
    const group = leaving.slice(0, this.#fitting(leaving.map(({ id }) => id)))
    for (const { id } of group) queue.waiting.away(id, true, lane)
    await postmaster.ahead(group.map(({ id }) => id))
    const written = await Promise.all(
      group.map(({ id, behind }) =>
        scribe
          .write(id, (one) => behind?.has(one.ref) !== true && this.#options.serves(one))
          .catch((error) => {
            ports.log('error', 'a letter waits for the disk', { id, why: sentence(error) })
            // Those of its source and key that were picked with it wait, too.
            this.#deferred.set(id, sentence(error))
            return undefined
          }),
      ),
    )
    for (const [index, one] of written.entries()) {
      if (one) {
        this.#aboard.set(one.letter.id, one)
        this.#ready.push(one)
      } else this.#leave(group[index]?.id ?? 0)
    }
    return written.filter((one) => one !== undefined).length
  }

  /** Nobody behind a relay is left, and the postmaster has the rest; or its octets cannot be had, and nothing is gained by asking every second. */
  #leave(id: number): void {
    const { queue, scribe } = this.#options
    queue.waiting.away(id, false)
    const local = scribe.recipients(id).every((recipient) => recipient.local)
    queue.waiting.local(id, local)
    if (!local) this.#putOff(id, this.#attempts(id))
  }

  /** How many of them may be in memory at once; always one. */
  #fitting(ids: readonly number[]): number {
    const { waiting } = this.#options.queue
    let octets = 0
    const over = ids.findIndex((id, index) => {
      octets += waiting.get(id)?.octets ?? 0
      return index > 0 && octets > aheadBytes
    })
    return over < 0 ? ids.length : over
  }

  settle(id: number, address: string, outcome: Outcome): void {
    const { postmaster } = this.#options
    const written = this.#aboard.get(id)
    if (!written) return
    this.#cargo.settled(id, outcome)
    this.#options.heard?.(address, outcome)
    const to = written.recipients.filter((recipient) => recipient.address === address).map((recipient) => recipient.ref)
    switch (outcome.kind) {
      case 'delivered':
        this.#given.add(id)
        this.#mark(id, { kind: 'delivered', to })
        return
      case 'refused':
        // The notice is on the disk before the letter leaves the queue.
        this.#notices.push(
          postmaster
            .refuse(written, address, outcome)
            .then((kept) => (kept ? this.#mark(id, { kind: 'refused', to, why: outcome.why }) : this.#deferred.set(id, outcome.why))),
        )
        return
      case 'deferred':
        this.#deferred.set(id, outcome.why)
        if (outcome.aboutUs) this.#turnedAway.set(id, (this.#turnedAway.get(id) ?? new Set()).add(address))
        return
      case 'uncertain':
        this.#uncertain.add(id)
        return
    }
  }

  /** A letter that is done is forgotten at once: a flight may carry thousands. */
  #mark(id: number, mark: Mark): void {
    if (!this.#options.queue.mark(id, mark)) return
    this.#aboard.delete(id)
    this.#sent.delete(id)
    this.#given.delete(id)
    this.#done++
  }

  /** The flight is over, after so many octets. Everybody who is still aboard waits again; what was left in the air keeps its octets. `fault`: what ended it. */
  async finish(sent: number, fault?: Fault): Promise<void> {
    const { queue, ports } = this.#options
    this.#cargo.over(sent)
    await Promise.all(this.#notices)
    this.#notices = []
    const culprit = fault && this.#brokeUnder(fault)
    for (const [id, written] of this.#aboard) {
      if (!queue.waiting.get(id)) continue
      if (this.#uncertain.has(id) || this.#given.has(id)) {
        if (!queue.isFrozen(id))
          await queue
            .freeze(id, written.changing)
            .catch((error) => ports.log('error', 'a letter could not be frozen', { id, why: sentence(error) }))
      } else if (!written.frozen) queue.thaw(id)
      this.#defer(id)
      queue.waiting.away(id, false)
    }
    if (fault && culprit !== undefined) this.#standAside(culprit, fault.why)
    if (this.#done >= worthSync)
      await queue.sync().catch((error) => ports.log('warning', 'outcomes are noted later', { why: sentence(error) }))
  }

  #defer(id: number): void {
    const { queue, ports } = this.#options
    const why = this.#deferred.get(id)
    if (why === undefined || !queue.waiting.get(id)) return
    if (this.#goesOn(id)) {
      ports.log('info', 'letter: goes on to another relay', { id, why })
      return
    }
    const attempts = this.#attempts(id)
    queue.mark(id, { kind: 'deferred', attempts, why })
    this.#putOff(id, attempts)
    ports.log('info', 'letter: deferred', { id, attempts, why })
  }

  /** Somebody was turned away because of us, and another host may take it: who was to be told here and is left goes there together. */
  #goesOn(id: number): boolean {
    const { queue, goesOn } = this.#options
    const turnedAway = this.#turnedAway.get(id)
    const pending = new Set(queue.waiting.pendingOf(id))
    const left = this.#aboard.get(id)?.recipients.filter((one) => pending.has(one.ref)) ?? []
    return (
      turnedAway !== undefined &&
      goesOn?.(
        [...turnedAway],
        left.map(({ address }) => address),
      ) === true
    )
  }

  /** The letter whose answer was waited for when the line broke. */
  #brokeUnder({ stage }: Fault): number | undefined {
    if (!ofTheLetter.includes(stage)) return undefined
    return [...this.#sent].find((id) => this.#aboard.has(id) && !this.#deferred.has(id))
  }

  /**
   * Most lines break by themselves. But a letter that is too large for a link, or that a filter on the way does not like, breaks every line, and would be the first of the next flight again: from the second time on others go
   * past it.
   */
  #standAside(id: number, why: string): void {
    const { queue, ports } = this.#options
    if (!queue.waiting.get(id)) return
    const attempts = this.#attempts(id)
    const restMs = brokenMs[Math.min(attempts - 2, brokenMs.length - 1)]
    if (restMs === undefined) {
      queue.waiting.defer(id, attempts, 0)
      return
    }
    const said = `The line broke again while it was on its way. ${why}`
    queue.mark(id, { kind: 'deferred', attempts, why: said })
    queue.waiting.defer(id, attempts, ports.clock.monotonic() + jitter(ports.random, restMs))
    ports.log('info', 'letter: deferred', { id, attempts, why: said })
  }

  #attempts(id: number): number {
    return (this.#options.queue.waiting.get(id)?.attempts ?? 0) + 1
  }

  /** The next try is not before its time. */
  #putOff(id: number, attempts: number): void {
    const { queue, ports, retryMs } = this.#options
    const at = nextTry(ports.clock.monotonic(), attempts, retryMs, (ms) => jitter(ports.random, ms))
    queue.waiting.defer(id, attempts, at)
  }
}
