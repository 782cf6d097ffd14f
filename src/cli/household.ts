import { isSameSecret } from '../alert/same.ts'
import type { Board } from '../board/schema.ts'
import type { Hardware } from '../device/hardware.ts'
import type { Task } from '../device/pulse.ts'
import type { Desk } from '../gateway/desk.ts'
import { mailboxOf, type Plan } from '../gateway/plan.ts'
import { strayed } from '../gateway/samples.ts'
import { Tap } from '../gateway/tap.ts'
import { Gateway } from '../gateway.ts'
import type { Cancel } from '../ports/clock.ts'
import { isDiskError } from '../ports/disk.ts'
import { sentence, worthTelling } from '../ports/log.ts'
import type { LogBook } from '../ports/log-book.ts'
import type { Outside } from '../ports/ports.ts'
import { probe, type Step } from '../relay/probe/probe.ts'
import type { RelayOptions } from '../relay/relay.ts'
import { checkSettings } from '../settings/check.ts'
import { type DeviceStore, hostNameOf } from '../settings/device.ts'
import type { Finding } from '../settings/finding.ts'
import { type EffectiveSettings, effective, type Settings } from '../settings/schema.ts'
import type { Secrets } from '../settings/secrets.ts'
import { SettingsStore } from '../settings/store.ts'
import { backoff } from '../source/backoff.ts'
import { Remains } from '../source/remains.ts'
import type { CertificateFacts } from '../web/certificate.ts'
import { Chronicle } from '../web/chronicle.ts'
import { Door } from '../web/door.ts'
import { Fault } from '../web/fault.ts'
import type { House, Saved } from '../web/house.ts'
import type { Scene } from './command.ts'
import { makeDkimKey } from './dkim.ts'
import { DraftRelays, type TypedSecrets } from './draft-relays.ts'
import { type Loaded, loadSettings, settleRollBack } from './load.ts'
import { planFor } from './plan.ts'
import { isSamePlace, movedBack, placedAt, Trial } from './trial.ts'
import { finishWebKey, keepWebKey, ownWebKey } from './web-key.ts'

/** A gateway stops and starts within seconds; a journal of 100,000 letters is read in less. */
const standsStillMs = 10 * 60_000
/** A card that tidies up takes seconds for a sync. One that takes this long will not come back without a new start. */
const commitMs = 2 * 60_000
/** Some syncs, and the octets of one mail of megabytes. */
const mailMs = 3_600_000
/** A relay may take ten minutes for the answer to a letter (RFC 5321 4.5.3.2.6), and a link that crawls needs its time. */
const roundMs = 3_600_000

/** How long a gateway that could not start rests before the next try. A card that stumbles is back in seconds; one that is changed, in minutes. */
const again = { firstMs: 1000, maxMs: 60_000 }

export type End = 'stop' | 'restart' | 'reset'

/**
 * Household: the process around the gateway. It starts and stops gateways as the settings change, one change at a time, and gives the page what it may ask for.
 */
export class Household implements House {
  readonly ports: Outside
  readonly dir: string
  readonly software: string
  readonly builtAt: number
  readonly book: LogBook
  readonly tap = new Tap()
  readonly door: Door
  readonly chronicle: Chronicle
  readonly device: DeviceStore
  board: Board | undefined
  hardware: Hardware = {}
  standsStill: string | undefined = 'The gateway is starting.'
  cannotStart = false
  readonly #scene: Scene
  #settings: EffectiveSettings
  /** The same as somebody wrote them. */
  #written: Settings
  #secrets: Secrets
  #gateway: Gateway | undefined
  #changing: Promise<unknown> = Promise.resolve()
  readonly #remains = new Remains()
  #cancelAgain: Cancel = () => {}
  #stopped = false
  /** Grows with each certificate that is put in place. */
  certificateCount = 0
  readonly #trial: Trial
  readonly #drafts: DraftRelays
  #end: (end: End) => void = () => {}
  readonly ended: Promise<End>

  private constructor(scene: Scene, device: DeviceStore, door: Door, { settings, written, secrets }: Loaded) {
    this.#scene = scene
    this.ports = scene.ports
    this.dir = scene.dir
    this.software = scene.software
    this.builtAt = scene.builtAt
    this.book = scene.book
    this.device = device
    this.door = door
    this.#settings = settings
    this.#written = written
    this.#secrets = secrets
    this.#drafts = new DraftRelays(scene)
    this.#trial = new Trial(scene.ports.clock, device, () => void this.#goBack())
    this.chronicle = new Chronicle(scene.ports.clock, () => lookAt(this.#gateway?.desk))
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Reads the settings; nothing runs yet. Throws Refusal when they cannot be used. Rejects with DiskError. */
  static async open(scene: Scene, device: DeviceStore): Promise<Household> {
    await settleRollBack(scene)
    await finishWebKey(scene)
    const loaded = await movedBack(scene, device, await loadSettings(scene))
    const door = await Door.open(scene.ports.clock, scene.ports.random, device)
    return new Household(scene, device, door, loaded)
  }

  /** The settings that the gateway works by. */
  get current(): EffectiveSettings {
    return this.#settings
  }

  /** Starts the gateway. */
  async begin(): Promise<void> {
    await this.#change(() => this.#start())
  }

  /** Takes the settings of the disk; when they cannot be used, the old ones stay. */
  async reload(): Promise<void> {
    await this.#change(async () => {
      try {
        await this.#replace(await loadSettings(this.#scene, 'never'))
      } catch (error) {
        const what = this.cannotStart ? 'settings: not taken, and the gateway does not start with the old ones, either' : keptSettings
        this.ports.log('error', what, { why: sentence(error) })
      }
    })
  }

  /** Ends this life when whatever is changing is done. */
  async stop(): Promise<void> {
    await this.#change(async () => {
      this.#stopped = true
      this.#cancelAgain()
      this.chronicle.stop()
      this.#trial.stop()
      await this.#gateway?.stop()
      this.#gateway = undefined
    })
  }

  finish(end: End): void {
    this.#end(end)
  }

  restart(): void {
    this.#end('restart')
  }

  reset(): void {
    this.#end('reset')
  }

  get siteName(): string {
    return this.#settings.site.name
  }

  get names(): ReadonlySet<string> {
    const { web, site } = this.#settings
    const own = `${hostNameOf(this.device.data)}.local`
    return new Set(['localhost', 'outpost.local', own, site.domain.toLowerCase(), ...web.hosts.map((name) => name.toLowerCase())])
  }

  /** What is in hand, for who watches over progress. */
  get tasks(): Task[] {
    if (!this.#gateway) return [{ name: 'gateway', sign: this.standsStill ?? '', limitMs: standsStillMs }]
    const { commitSince, mailSince, roundSince, outcomes } = this.#gateway.inHand
    return [
      ...(commitSince === undefined ? [] : [{ name: 'journal' as const, sign: String(commitSince), limitMs: commitMs }]),
      ...(mailSince === undefined ? [] : [{ name: 'mailbox' as const, sign: String(mailSince), limitMs: mailMs }]),
      ...(roundSince === undefined ? [] : [{ name: 'courier' as const, sign: `${roundSince} ${outcomes}`, limitMs: roundMs }]),
    ]
  }

  desk(): Desk | undefined {
    return this.#gateway?.desk
  }

  async settings(): Promise<{ settings: Settings; revision: string; findings: Finding[] }> {
    const { settings, findings, revision } = await this.#stored()
    return { settings, revision, findings: [...findings, ...this.#secrets.missing(settings), ...this.#strayed(settings)] }
  }

  save(value: unknown, revision: string, typed: TypedSecrets = {}): Promise<Saved> {
    return this.#change(async (): Promise<Saved> => {
      const { settings, findings } = checkSettings(JSON.stringify(value))
      if (!settings) return { kind: 'wrong', findings }
      const { settings: before, store, revision: standing } = await this.#stored()
      if (standing !== revision) return { kind: 'stale', revision: standing }
      const faults = await this.#take(store, before, settings, typed)
      if (faults.length > 0) return { kind: 'wrong', findings: faults }
      return { kind: 'saved', revision: store.revision, findings: [...findings, ...this.#strayed(settings)] }
    })
  }

  /** Settings that were judged, and what they need beside them. Whatever goes wrong, everything is put back, and the findings say why. Rejects with DiskError when the disk did not take them. */
  async #take(store: SettingsStore, before: Settings, settings: Settings, typed: TypedSecrets): Promise<Finding[]> {
    const back: (() => Promise<void>)[] = []
    const putBack = async () => {
      for (let step = back.pop(); step; step = back.pop())
        await step().catch((error) =>
          this.ports.log('error', 'settings: what was there before could not be put back', { why: sentence(error) }),
        )
    }
    try {
      const moves = !isSamePlace(settings.web, before.web)
      if (moves) back.push(await this.#trial.note(before.web))
      const kept = await this.#secrets.keepAll(this.#worth(typed))
      if ('why' in kept) throw new Error(kept.why)
      back.push(kept.undo)
      await store.save(settings)
      back.push(() => store.save(before))
      await this.#replace(await loadSettings(this.#scene), putBack)
      if (moves) this.#trial.begin()
      return []
    } catch (error) {
      await putBack()
      if (isDiskError(error) && !this.cannotStart) throw error
      const write = this.cannotStart ? 'The settings before are in place, but the gateway does not start with them, either.' : inUse
      return [{ path: '', what: sentence(error), write, level: 'error' }]
    }
  }

  /** Of a refresh token that was typed and tried, what the provider gave in its place. */
  #worth(typed: TypedSecrets): TypedSecrets {
    return Object.fromEntries(Object.entries(typed).map(([name, value]) => [name, this.#drafts.worth(name, value)]))
  }

  async certificate(): Promise<CertificateFacts | undefined> {
    try {
      return (await ownWebKey(this.#scene, [...this.names])).facts
    } catch (error) {
      this.ports.log('error', 'web: the certificate cannot be told', { why: sentence(error) })
      return undefined
    }
  }

  async keepCertificate(key: string, cert: string): Promise<void> {
    await keepWebKey(this.#scene, { key, cert })
    this.certificateCount++
  }

  get trialLeftMs(): number | undefined {
    return this.#trial.leftMs
  }

  confirm(): Promise<boolean> {
    return this.#trial.confirm()
  }

  async #goBack(): Promise<void> {
    const place = this.device.data.placeBefore
    if (!place) return
    this.ports.log('warning', 'web: nobody confirmed the new place of the page; it goes back', place)
    await this.#change(async () => {
      const { settings, store } = await this.#stored()
      await store.save(placedAt(settings, place) ?? settings)
      await this.#replace(await loadSettings(this.#scene))
      await this.device.placeBefore(undefined)
    }).catch((error) => this.ports.log('error', 'web: the place before could not be taken', { why: sentence(error) }))
  }

  async plan(settings?: Settings): Promise<Plan> {
    return planFor(this.#scene, settings ? effective(settings) : this.#settings, this.#secrets, this.device)
  }

  secrets(settings: Settings): { name: string; known: boolean }[] {
    return this.#secrets.referred(settings)
  }

  async keepSecret(name: string, value: string): Promise<string | undefined> {
    const why = await this.#secrets.keep(name, this.#drafts.worth(name, value))
    if (why === undefined) void this.reload()
    return why
  }

  whyNotKept(name: string): string | undefined {
    return this.#secrets.whyFixed(name)
  }

  /** Of a user of the mailbox; undefined when there is none, and then nobody gets in. */
  mailboxPassword(user: string): string | undefined {
    const found = this.#settings.mailbox.users.find((one) => one.name === user)
    return found?.password && (this.#secrets.get(found.password.secret) || undefined)
  }

  secretValues(): Promise<Record<string, string>> {
    return this.#secrets.kept()
  }

  hookOf(token: string): string | undefined {
    for (const source of this.#settings.sources) {
      if (source.kind !== 'http' || !source.token) continue
      const known = this.#secrets.get(source.token.secret)
      if (known !== undefined && isSameSecret(known, token)) return source.id
    }
    return undefined
  }

  async probe(relay: unknown, typed: TypedSecrets, to: string | undefined): Promise<AsyncIterable<Step>> {
    const settings = this.#settings
    const options =
      typeof relay === 'string' ? await this.#saved(relay) : await this.#drafts.optionsOf(relay, typed, settings, this.#secrets)
    const mailFrom = mailboxOf(settings.mail.from).address
    const rcptTo = to ?? settings.people.find((person) => !person.address.endsWith(`@${settings.site.domain}`))?.address
    return probe({ ...this.ports, hidden: this.#secrets.values() }, options, { mailFrom, ...(rcptTo === undefined ? {} : { rcptTo }) })
  }

  async #saved(id: string): Promise<RelayOptions> {
    const found = (await this.plan()).relays.find((relay) => relay.id === id)
    if (!found) throw new Fault(404, `There is no relay ${id}.`, 'Save it first, or send its settings.')
    return found
  }

  /** As they stand on the disk. A file that cannot be used is no reason to lock anybody out: then it is what the gateway works by, and what is wrong is told. */
  async #stored() {
    const store = new SettingsStore(this.ports.disk, this.dir)
    const { settings, findings } = await store.loadOver(this.#written)
    return { store, settings, findings, revision: store.revision }
  }

  #strayed(settings: Settings): Finding[] {
    return strayed(effective(settings), this.ports.clock).map((finding) => ({ ...finding, level: 'note' as const }))
  }

  async #start(): Promise<void> {
    await makeDkimKey(this.#scene, this.#settings)
    await this.#startBy(await this.plan())
  }

  async #startBy(plan: Plan): Promise<void> {
    this.#gateway = await Gateway.start(this.ports, plan, this.tap, this.#remains)
    this.#cancelAgain()
    this.standsStill = undefined
    this.cannotStart = false
    this.chronicle.stop()
    this.chronicle.start()
  }

  /**
   * Whatever takes its time is done while the lines are heard: they are deaf only while their ports are closed and opened. `putBack`: what is to be as it
   * was on the disk before the gateway starts by the old settings again.
   */
  async #replace({ settings, written, secrets }: Loaded, putBack = async () => {}): Promise<void> {
    await makeDkimKey(this.#scene, settings)
    await this.#gateway?.land()
    const before = { settings: this.#settings, written: this.#written, secrets: this.#secrets }
    try {
      const plan = await planFor(this.#scene, settings, secrets, this.device)
      await this.#stopGateway()
      this.#settings = settings
      this.#written = written
      this.#secrets = secrets
      await this.#startBy(plan)
    } catch (error) {
      // What is valid may still not work: then it is as it was.
      this.#settings = before.settings
      this.#written = before.written
      this.#secrets = before.secrets
      await this.#stopGateway()
      await putBack()
      await this.#startOrRest()
      throw error
    }
  }

  async #stopGateway(): Promise<void> {
    const gateway = this.#gateway
    if (!gateway) return
    this.standsStill = 'The gateway takes the new settings.'
    this.#gateway = undefined
    await gateway.stop().catch((error) => this.ports.log('error', 'gateway: it did not stop as it should', { why: sentence(error) }))
  }

  /** By the settings in use, after they could not be changed. The page stays, and may change them; nobody has to come for a disk that is well again. */
  async #startOrRest(attempt = 0): Promise<void> {
    this.#cancelAgain()
    try {
      await this.#start()
    } catch (error) {
      const why = sentence(error)
      this.cannotStart = true
      this.standsStill = `The gateway does not start, and tries again (${attempt + 1}): ${why.replace(/\.?$/, '.')}`
      if (worthTelling(attempt, attempt + 1))
        this.ports.log('error', 'gateway: it does not start, and tries again', { attempt: attempt + 1, why })
      const restMs = backoff(attempt, again, this.ports.random)
      this.#cancelAgain = this.ports.clock.after(restMs, () => void this.#change(() => this.#tryAgain(attempt + 1)))
    }
  }

  /** Somebody may have changed the settings meanwhile, or stopped everything. */
  async #tryAgain(attempt: number): Promise<void> {
    if (!this.#gateway && !this.#stopped) await this.#startOrRest(attempt)
  }

  #change<T>(deed: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(deed)
    this.#changing = done.catch(() => {})
    return done
  }
}

const keptSettings = 'settings: not taken, the old ones stay'
const inUse = 'The settings before are in use.'

function lookAt(desk: Desk | undefined) {
  if (!desk) return undefined
  const { settled, queue, link } = desk.state()
  return { delivered: settled.delivered, refused: settled.refused + settled.expired, waiting: queue.waiting, link: link?.up }
}
