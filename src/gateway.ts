import type { KnownTime } from './alert/when.ts'
import { answerCode } from './gateway/answer-code.ts'
import { Answers } from './gateway/answers.ts'
import { Backlog, ownSource } from './gateway/backlog.ts'
import { Caretaker } from './gateway/caretaker.ts'
import { Courier } from './gateway/courier.ts'
import { Desk } from './gateway/desk.ts'
import { Diary } from './gateway/diary.ts'
import { Direct } from './gateway/direct.ts'
import { Dispatcher } from './gateway/dispatcher.ts'
import { Fates } from './gateway/fates.ts'
import { Ferry } from './gateway/ferry.ts'
import { intake } from './gateway/intake.ts'
import { Lookout } from './gateway/lookout.ts'
import { ByRelay } from './gateway/outbound.ts'
import { knownTime, type Plan } from './gateway/plan.ts'
import { Postmaster } from './gateway/postmaster.ts'
import { Purser } from './gateway/purser.ts'
import { Registrar } from './gateway/registrar.ts'
import { besideOf, rosterFor, standingFor } from './gateway/roster.ts'
import { Scribe } from './gateway/scribe.ts'
import { sourcesOf } from './gateway/sources.ts'
import { Tap } from './gateway/tap.ts'
import { Vigil } from './gateway/vigil.ts'
import type { Ports } from './ports/ports.ts'
import type { Offer } from './queue/offer.ts'
import { Queue } from './queue/queue.ts'
import { Spool } from './queue/spool.ts'
import { RelayHealth } from './relay/health.ts'
import { Hosts } from './relay/route/hosts.ts'
import type { Standing } from './rules/standing.ts'
import { Trails } from './rules/trail.ts'
import { Leftover, type LeftoverTools } from './source/leftover.ts'
import { Remains } from './source/remains.ts'
import type { Source } from './source/source.ts'

/**
 * Gateway: from the wire to the relay, on one page.
 *
 *     source -> intake (decode) -> registrar (rules) -> queue ==(durable)==> acknowledge the wire
 *                                       |               |
 *                                  standing ----- dispatcher: what time alone makes due
 *                                           |
 *                        courier <- scribe (compose) -> relay -> outcome -> queue
 *                           \-> postmaster -> mailbox (local people, notices)
 */
export class Gateway {
  readonly desk: Desk
  readonly #ports: Ports
  readonly #queue: Queue
  readonly #courier: Courier
  readonly #postmaster: Postmaster
  readonly #dispatcher: Dispatcher
  readonly #caretaker: Caretaker
  readonly #answers: Answers | undefined
  readonly #vigil: Vigil
  readonly #sources: Source[]
  readonly #leftoverTools: LeftoverTools
  #leftovers: Leftover[] = []
  #landing: Promise<unknown> | undefined

  private constructor(
    ports: Ports,
    plan: Plan,
    queue: Queue,
    standing: Standing,
    diary: Diary,
    tap: Tap,
    fates: Fates,
    hosts: Hosts | undefined,
    spool: Spool,
    remains: Remains,
  ) {
    const { clock, disk, log } = ports
    const known = (): KnownTime => knownTime(plan)
    const common = { clock, disk, log, queue, deviceId: plan.deviceId, site: plan.site, software: plan.software, known }
    const codeKey = plan.answers?.key
    const scribe: Scribe = new Scribe({
      ...common,
      ...plan.mail,
      templatesOf: plan.templatesOf,
      ...(codeKey ? { codeOf: (id: number) => answerCode(codeKey, id) } : {}),
      ...(plan.dkim ? { dkim: plan.dkim } : {}),
      people: plan.people,
      viaOf: plan.viaOf,
      groupOf: plan.groupOf,
      senderOf: plan.senderOf,
      mailOf: (enclosed) => spool.read(enclosed),
      onLost: (id) => void postmaster.lost(id),
    })
    const postmaster = new Postmaster({ ...common, scribe, root: `${plan.dir}/mailbox`, noticesFor: plan.noticesFor })
    const lookout = new Lookout({ link: ports.link, clock, log, metered: plan.metered })
    const purser = new Purser({ ...plan, clock, log, queue, timeZone: plan.site.timeZone, metered: () => lookout.metered })
    const onAccepted = (id: number) => {
      postmaster.accepted(id)
      courier.nudge()
    }
    const isLocal = (ref: string) => scribe.recipient(ref).local
    const room = { site: plan.site, maxBytes: plan.mail.look.maxBytes, octetsOf: (offer: Offer) => scribe.octetsOf(offer) }
    const backlog = new Backlog({ ...common, ...plan.digest, room, isLocal, hasEnded: (id) => standing.hasEnded(id), onAccepted })
    const { relays, retryMs, keepMs, relayTraits: traits, keepRelay } = plan
    const carrying = { ports, queue, scribe, postmaster, backlog, lookout, purser }
    const ferry = new Ferry({ ...carrying, retryMs, traits, keepRelay })
    const health = new RelayHealth(hosts ? [] : relays.map((relay) => relay.id), ports.random)
    const out = { queue, scribe, purser, ferry, lookout, health, now: () => clock.monotonic() }
    const outbound = hosts ? new Direct({ ...out, log, hosts }) : new ByRelay({ ...out, relays })
    const courier: Courier = new Courier({ ...carrying, ferry, outbound, keepMs, isLocal })
    const dispatcher = new Dispatcher({
      ...common,
      standing,
      roster: rosterFor(plan),
      room,
      keptMs: keepMs / 2,
      onAccepted,
      onLost: (id) => void postmaster.lost(id),
    })
    const hits = new Map<string, { count: number; at: number }>()
    const registrar = new Registrar({
      clock,
      log,
      queue,
      trails: new Trails(),
      decide: (alert) => {
        const verdict = dispatcher.decide(alert)
        const rule = verdict.kind === 'record' ? verdict.rule : undefined
        if (rule !== undefined) hits.set(rule, { count: (hits.get(rule)?.count ?? 0) + 1, at: clock.wall() })
        return verdict
      },
      onAccepted,
      onChanged: () => dispatcher.nudge(),
    })
    const { decoderOf, decodingOf, asksAgain, attachesRaw } = plan
    const vigil = new Vigil({
      ...common,
      standing,
      diary,
      silences: plan.silences,
      ...(plan.reports ? { reports: plan.reports } : {}),
      sourceOf: (id) => this.#sources.find((source) => source.id === id)?.state(),
      offer: (reading) => registrar.offer(reading, { source: ownSource }),
      report: (reading, to) => registrar.report(reading, to),
    })
    const stands = (source: string, key: string) => standing.open(source, key).length > 0
    const heard = (source: string) => vigil.heard(source)
    const take = intake({
      stands,
      now: () => clock.monotonic(),
      onHeard: heard,
      onTaken: (heard, decoder, taken) => tap.add(clock.wall(), heard, decoder, taken),
      log,
      decoderOf,
      decodingOf,
      asksAgain,
      offer: (reading, heard) =>
        registrar.offer(reading, attachesRaw(heard.source) ? { ...heard, raw: heard.bytes.subarray(0, rawBytes) } : heard),
    })
    this.#ports = ports
    this.#caretaker = new Caretaker({ ...common, ...plan.mailbox, root: `${plan.dir}/mailbox`, builtAt: plan.builtAt })
    this.#queue = queue
    this.#courier = courier
    this.#postmaster = postmaster
    this.#dispatcher = dispatcher
    this.#vigil = vigil
    remains.readBy((source) => JSON.stringify([decoderOf(source), decodingOf(source)]))
    this.#sources = sourcesOf(plan, ports, { clock, random: ports.random, log, take, raised: stands, heard, remains }, spool)
    this.#leftoverTools = { clock, log, take, remains }
    this.desk = new Desk({
      clock,
      log,
      queue,
      scribe,
      courier,
      lookout,
      purser,
      registrar,
      standing,
      diary,
      fates,
      hits,
      dispatcher,
      take,
      sources: this.#sources,
    })
    this.#answers =
      plan.answers &&
      new Answers({
        ...common,
        ...plan.answers,
        net: ports.net,
        people: plan.people,
        isLinkUp: () => lookout.facts().up,
        situationsOf: (letter) => standing.toldBy(letter),
        acknowledge: (id, by) => this.desk.acknowledge(id, by),
        silence: async ({ source, key }, ms, by) => void (await this.desk.silence({ match: { source, key }, ms, by })),
        tellState: async (person) => void (await registrar.report(vigil.state(), [person])),
        tellLimits: async (person, letter, limits) => void (await registrar.report(vigil.limits(letter, limits), [person])),
        bounced: (id, recipient, why) => postmaster.bounced(id, recipient, why),
      })
    // What waits from an earlier life may have readers on the box.
    for (const id of queue.waiting.ids(Number.MAX_SAFE_INTEGER)) if (!queue.waiting.get(id)?.kept) postmaster.accepted(id)
  }

  /** Opens the journal and starts listening. Rejects with DiskError when the data directory cannot be used. */
  static async start(ports: Ports, plan: Plan, tap = new Tap(), remains = new Remains()): Promise<Gateway> {
    const { clock, disk, log } = ports
    const standing = standingFor(plan, clock)
    const diary = new Diary()
    const fates = new Fates()
    const spool: Spool = await Spool.open({
      disk,
      log,
      random: ports.random,
      dir: `${plan.dir}/spool`,
      maxBytes: plan.spoolMiB * 1_048_576,
      spareBytes: () => queue.growthBytes,
    })
    const queue: Queue = await Queue.open({
      disk,
      onReleased: (file) => void spool.remove(file),
      onMark: (id, mark) => fates.note(id, mark),
      beside: besideOf(standing, diary),
      clock,
      builtAt: plan.builtAt,
      log,
      dir: `${plan.dir}/journal`,
      maxMiB: plan.queueMiB,
      ...(plan.segmentBytes ? { segmentBytes: plan.segmentBytes } : {}),
    })
    try {
      // Where the journal has gaps, a letter that names a mail may be in one of them.
      if (queue.facts.damaged === 0) await spool.sweep(queue.enclosed)
      const { dir, direct, site } = plan
      const hosts = plan.route === 'mx' ? await Hosts.open({ ports, dir, ...direct, ehlo: site.domain }) : undefined
      const gateway = new Gateway(ports, plan, queue, standing, diary, tap, fates, hosts, spool, remains)
      await gateway.#begin(plan)
      return gateway
    } catch (error) {
      // Another one may be started in its place.
      await queue.close().catch(() => {})
      throw error
    }
  }

  async #begin(plan: Plan): Promise<void> {
    this.#dispatcher.start()
    await this.#vigil.start()
    this.#postmaster.start()
    this.#courier.start()
    this.#caretaker.start()
    this.#answers?.start()
    for (const source of this.#sources) source.start()
    this.#takeLeftovers()
    this.#ports.log('info', 'gateway: ready', {
      waiting: this.#queue.waiting.size,
      sources: this.#sources.length,
      relays: plan.relays.length,
      damaged: this.#queue.facts.damaged,
    })
  }

  /** Each source has taken its own; what is left has none any more. */
  #takeLeftovers(): void {
    this.#leftovers = this.#leftoverTools.remains.sources.map((source) => new Leftover(source, this.#leftoverTools))
    for (const leftover of this.#leftovers) leftover.start()
  }

  /** What is in hand and since when (monotonic ms), and a count that grows with each letter of which something is known: for who watches over progress. */
  get inHand(): { commitSince?: number; mailSince?: number; roundSince?: number; outcomes: number } {
    const { busySince } = this.#queue
    const { busySince: mailSince, served } = this.#postmaster
    const { roundSince } = this.#courier
    return {
      outcomes: this.#queue.outcomes - served,
      ...(busySince === undefined ? {} : { commitSince: busySince }),
      ...(mailSince === undefined ? {} : { mailSince }),
      ...(roundSince === undefined ? {} : { roundSince }),
    }
  }

  /** Finishes the letter in the air, for at most 10 s. Alerts are taken meanwhile and after it, and told by the next life. */
  async land(): Promise<void> {
    this.#landing ??= Promise.all([this.#courier.stop(), this.#caretaker.stop(), this.#answers?.stop()])
    await this.#landing
  }

  /** Lands, takes no more alerts, and leaves everything on the disk. The lines are heard as long as there is anything else to wait for. */
  async stop(): Promise<void> {
    await this.land()
    await this.#stopSources((source) => !source.saysOnce)
    await this.#stopSources((source) => source.saysOnce === true)
    await Promise.all(this.#leftovers.map((leftover) => leftover.stop()))
    await this.#dispatcher.stop()
    await this.#vigil.stop()
    await this.#postmaster.stop()
    await this.#queue.close()
    this.#ports.log('info', 'gateway: stopped')
  }

  /** A broker that has fallen silent is waited for some seconds; no device that says everything once must be deaf to us for that. */
  async #stopSources(which: (source: Source) => boolean): Promise<void> {
    await Promise.all(this.#sources.filter(which).map((source) => source.stop()))
  }
}

/** Octets attached as they were heard. */
const rawBytes = 4096
