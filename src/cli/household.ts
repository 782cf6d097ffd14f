import { isSameSecret } from '../alert/same.ts'
import type { Board } from '../board/schema.ts'
import type { Hardware } from '../device/hardware.ts'
import type { Task } from '../device/pulse.ts'
import type { Desk } from '../gateway/desk.ts'
import { mailboxOf, type Plan } from '../gateway/plan.ts'
import { strayed } from '../gateway/samples.ts'
import type { Tap } from '../gateway/tap.ts'
import { isDiskError } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'
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
import type { CertificateFacts } from '../web/certificate.ts'
import { Chronicle } from '../web/chronicle.ts'
import { Door } from '../web/door.ts'
import { Fault } from '../web/fault.ts'
import type { House, Saved } from '../web/house.ts'
import type { Scene } from './command.ts'
import { DraftRelays, type TypedSecrets } from './draft-relays.ts'
import { Engine } from './engine.ts'
import { type Loaded, loadSettings, settleRollBack } from './load.ts'
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
  readonly door: Door
  readonly chronicle: Chronicle
  readonly device: DeviceStore
  board: Board | undefined
  hardware: Hardware = {}
  readonly #scene: Scene
  readonly #engine: Engine
  #changing: Promise<unknown> = Promise.resolve()
  #ending = false
  /** Grows with each certificate that is put in place. */
  certificateCount = 0
  readonly #trial: Trial
  readonly #drafts: DraftRelays
  #end: (end: End) => void = () => {}
  readonly ended: Promise<End>

  private constructor(scene: Scene, device: DeviceStore, door: Door, loaded: Loaded) {
    this.#scene = scene
    this.ports = scene.ports
    this.dir = scene.dir
    this.software = scene.software
    this.builtAt = scene.builtAt
    this.book = scene.book
    this.device = device
    this.door = door
    this.#engine = new Engine({
      scene,
      device,
      loaded,
      inTurn: (deed) => this.#change(deed),
      onStarted: () => {
        this.chronicle.stop()
        this.chronicle.start()
      },
    })
    this.#drafts = new DraftRelays(scene)
    this.#trial = new Trial(scene.ports.clock, device, () => void this.#goBack())
    this.chronicle = new Chronicle(scene.ports.clock, () => lookAt(this.#engine.desk))
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
    return this.#engine.loaded.settings
  }

  get #secrets(): Secrets {
    return this.#engine.loaded.secrets
  }

  get standsStill(): string | undefined {
    return this.#engine.standsStill
  }

  get cannotStart(): boolean {
    return this.#engine.cannotStart
  }

  get tap(): Tap {
    return this.#engine.tap
  }

  /** Starts the gateway. */
  async begin(): Promise<void> {
    await this.#change(() => this.#engine.start())
  }

  /** Takes the settings of the disk; when they cannot be used, the old ones stay. */
  async reload(): Promise<void> {
    try {
      await this.#change(async () => this.#engine.replace(await loadSettings(this.#scene, 'never')))
    } catch (error) {
      const what = this.cannotStart ? 'settings: not taken, and the gateway does not start with the old ones, either' : keptSettings
      this.ports.log('error', what, { why: sentence(error) })
    }
  }

  /** Ends this life when whatever is changing is done. */
  async stop(): Promise<void> {
    const done = this.#change(async () => {
      this.chronicle.stop()
      this.#trial.stop()
      await this.#engine.stop()
    })
    // Whatever comes behind would start a gateway that nobody stops, beside that of the next life.
    this.#ending = true
    await done
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
    return this.current.site.name
  }

  get names(): ReadonlySet<string> {
    const { web, site } = this.current
    const own = `${hostNameOf(this.device.data)}.local`
    return new Set(['localhost', 'outpost.local', own, site.domain.toLowerCase(), ...web.hosts.map((name) => name.toLowerCase())])
  }

  /** What is in hand, for who watches over progress. */
  get tasks(): Task[] {
    const { gateway } = this.#engine
    if (!gateway) return [{ name: 'gateway', sign: this.standsStill ?? '', limitMs: standsStillMs }]
    const { commitSince, mailSince, roundSince, outcomes } = gateway.inHand
    return [
      ...(commitSince === undefined ? [] : [{ name: 'journal' as const, sign: String(commitSince), limitMs: commitMs }]),
      ...(mailSince === undefined ? [] : [{ name: 'mailbox' as const, sign: String(mailSince), limitMs: mailMs }]),
      ...(roundSince === undefined ? [] : [{ name: 'courier' as const, sign: `${roundSince} ${outcomes}`, limitMs: roundMs }]),
    ]
  }

  desk(): Desk | undefined {
    return this.#engine.desk
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
      // Also when it fails: the new file may stand there all the same.
      back.push(async () => {
        const { settings: standing } = await store.load('never')
        if (JSON.stringify(standing) !== JSON.stringify(before)) await store.save(before)
      })
      await store.save(settings)
      await this.#engine.replace(await loadSettings(this.#scene), putBack)
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
      await this.#engine.replace(await loadSettings(this.#scene))
      await this.device.placeBefore(undefined)
    }).catch((error) => {
      this.ports.log('error', 'web: the place before could not be taken; it is tried again', { why: sentence(error) })
      if (!this.#ending) this.#trial.begin()
    })
  }

  async plan(settings?: Settings): Promise<Plan> {
    return this.#engine.plan(settings)
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
    const found = this.current.mailbox.users.find((one) => one.name === user)
    return found?.password && (this.#secrets.get(found.password.secret) || undefined)
  }

  secretValues(): Promise<Record<string, string>> {
    return this.#secrets.kept()
  }

  hookOf(token: string): string | undefined {
    for (const source of this.current.sources) {
      if (source.kind !== 'http' || !source.token) continue
      const known = this.#secrets.get(source.token.secret)
      if (known !== undefined && isSameSecret(known, token)) return source.id
    }
    return undefined
  }

  async probe(relay: unknown, typed: TypedSecrets, to: string | undefined): Promise<AsyncIterable<Step>> {
    const settings = this.current
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
    const { settings, findings } = await store.loadOver(this.#engine.loaded.written)
    return { store, settings, findings, revision: store.revision }
  }

  #strayed(settings: Settings): Finding[] {
    return strayed(effective(settings), this.ports.clock).map((finding) => ({ ...finding, level: 'note' as const }))
  }

  #change<T>(deed: () => Promise<T>): Promise<T> {
    if (this.#ending) return Promise.reject(new Fault(503, 'The box stops or starts anew just now.', 'Try again in a minute.'))
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
