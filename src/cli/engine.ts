import type { Desk } from '../gateway/desk.ts'
import type { Plan } from '../gateway/plan.ts'
import { Tap } from '../gateway/tap.ts'
import { Gateway } from '../gateway.ts'
import type { Cancel } from '../ports/clock.ts'
import { sentence, worthTelling } from '../ports/log.ts'
import type { DeviceStore } from '../settings/device.ts'
import { effective, type Settings } from '../settings/schema.ts'
import { backoff } from '../source/backoff.ts'
import { Remains } from '../source/remains.ts'
import type { Scene } from './command.ts'
import { makeDkimKey } from './dkim.ts'
import type { Loaded } from './load.ts'
import { planFor } from './plan.ts'

/** Engine: the gateway that runs, and what it works by. One takes the place of another as the settings change; one that does not start is tried again. */
export type EngineOptions = {
  scene: Scene
  device: DeviceStore
  loaded: Loaded
  /** One change after the other. */
  inTurn<T>(deed: () => Promise<T>): Promise<T>
  onStarted(): void
}

/** How long a gateway that could not start rests before the next try. A card that stumbles is back in seconds; one that is changed, in minutes. */
const again = { firstMs: 1000, maxMs: 60_000 }

export class Engine {
  readonly tap = new Tap()
  standsStill: string | undefined = 'The gateway is starting.'
  cannotStart = false
  readonly #options: EngineOptions
  #loaded: Loaded
  #gateway: Gateway | undefined
  readonly #remains = new Remains()
  #cancelAgain: Cancel = () => {}
  #stopped = false

  constructor(options: EngineOptions) {
    this.#options = options
    this.#loaded = options.loaded
  }

  /** What it works by. */
  get loaded(): Loaded {
    return this.#loaded
  }

  get gateway(): Gateway | undefined {
    return this.#gateway
  }

  get desk(): Desk | undefined {
    return this.#gateway?.desk
  }

  plan(settings?: Settings): Promise<Plan> {
    const { scene, device } = this.#options
    return planFor(scene, settings ? effective(settings) : this.#loaded.settings, this.#loaded.secrets, device)
  }

  async start(): Promise<void> {
    await makeDkimKey(this.#options.scene, this.#loaded.settings)
    await this.#startBy(await this.plan())
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelAgain()
    await this.#gateway?.stop()
    this.#gateway = undefined
  }

  /**
   * Whatever takes its time is done while the lines are heard: they are deaf only while their ports are closed and opened. `putBack`: what is to be as it
   * was on the disk before the gateway starts by the old settings again. Rejects with the reason why it works by the old ones.
   */
  async replace(loaded: Loaded, putBack = async () => {}): Promise<void> {
    const { scene, device } = this.#options
    if (this.#stopped) throw new Error('it is stopping')
    await makeDkimKey(scene, loaded.settings)
    await this.#gateway?.land()
    const before = this.#loaded
    try {
      const plan = await planFor(scene, loaded.settings, loaded.secrets, device)
      await this.#stopGateway()
      this.#loaded = loaded
      await this.#startBy(plan)
    } catch (error) {
      // What is valid may still not work: then it is as it was.
      this.#loaded = before
      scene.hide(() => before.secrets.values())
      await this.#stopGateway()
      await putBack()
      await this.#startOrRest()
      throw error
    }
  }

  async #startBy(plan: Plan): Promise<void> {
    const { scene, onStarted } = this.#options
    this.#gateway = await Gateway.start(scene.ports, plan, this.tap, this.#remains)
    this.#cancelAgain()
    this.standsStill = undefined
    this.cannotStart = false
    onStarted()
  }

  async #stopGateway(): Promise<void> {
    const { log } = this.#options.scene.ports
    const gateway = this.#gateway
    if (!gateway) return
    this.standsStill = 'The gateway takes the new settings.'
    this.#gateway = undefined
    await gateway.stop().catch((error) => log('error', 'gateway: it did not stop as it should', { why: sentence(error) }))
  }

  /** By the settings in use, after they could not be changed. The page stays, and may change them; nobody has to come for a disk that is well again. */
  async #startOrRest(attempt = 0): Promise<void> {
    const { scene, inTurn } = this.#options
    const { clock, log, random } = scene.ports
    this.#cancelAgain()
    try {
      await this.start()
    } catch (error) {
      const why = sentence(error)
      this.cannotStart = true
      this.standsStill = `The gateway does not start, and tries again (${attempt + 1}): ${why.replace(/\.?$/, '.')}`
      if (worthTelling(attempt, attempt + 1)) log('error', 'gateway: it does not start, and tries again', { attempt: attempt + 1, why })
      this.#cancelAgain = clock.after(backoff(attempt, again, random), () => void inTurn(() => this.#tryAgain(attempt + 1)).catch(() => {}))
    }
  }

  /** Somebody may have changed the settings meanwhile, or stopped everything. */
  async #tryAgain(attempt: number): Promise<void> {
    if (!this.#gateway && !this.#stopped) await this.#startOrRest(attempt)
  }
}
