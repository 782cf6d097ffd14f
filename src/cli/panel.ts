import type { Board } from '../board/schema.ts'
import { findKey, Hold, Presses } from '../device/button.ts'
import { dark, Lamp, linkPattern, type Pattern, patternFor } from '../device/lamp.ts'
import type { Cancel } from '../ports/clock.ts'
import { stateOf } from '../web/state.ts'
import type { Scene } from './command.ts'
import type { Household } from './household.ts'

/** How often it is looked whether the lamps still show how it is. Looking writes nothing. */
const lookMs = 2000
/** The device of the button may come later than the gateway, and go. */
const findMs = 30_000
/** A lamp that cannot be lit is told once it has failed so often: its files get their owner a moment after the trigger. */
const patience = 5

/** Panel: lamps and button of the board. Where there are none, nothing runs. The returned function ends it, and the lamps are dark. */
export function servePanel(scene: Scene, household: Household, board: Board): () => Promise<void> {
  const button = board.button && new Button(scene, board.button.code, () => household.reset())
  const lights = new Lights(scene, household, board, () => button?.pressed ?? false)
  button?.start(() => lights.look())
  lights.look()
  return async () => {
    button?.stop()
    await lights.stop()
  }
}

const lampHelp =
  'Load the kernel module ledtrig_timer, and let the gateway write trigger, brightness, delay_on and delay_off below /sys/class/leds.'

type Light = { lamp: Lamp; name: string; pattern(): Pattern; failures: number }

class Lights {
  readonly #scene: Scene
  readonly #all: Light[]
  #cancel: Cancel = () => {}
  #stopped = false
  #looking: Promise<void> = Promise.resolve()

  constructor(scene: Scene, household: Household, { leds }: Board, pressed: () => boolean) {
    this.#scene = scene
    const light = (name: string | undefined, pattern: () => Pattern): Light[] =>
      name === undefined ? [] : [{ lamp: new Lamp(scene.ports.sys, name), name, pattern, failures: 0 }]
    const sight = () => ({ pressed: pressed(), unclaimed: !household.door.claimed, mood: stateOf(household).health.mood })
    this.#all = [
      ...light(leds.state, () => patternFor(sight())),
      ...light(leds.link, () => linkPattern(household.desk()?.state().link?.up ?? false)),
    ]
  }

  /** Looks now, and from now on every two seconds. One look after the other: two would mix what they write. */
  look(): void {
    if (this.#stopped || this.#all.length === 0) return
    this.#cancel()
    this.#looking = this.#looking.then(() => this.#show((light) => light.pattern()))
    this.#cancel = this.#scene.ports.clock.after(lookMs, () => this.look())
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    await this.#looking
    await this.#show(() => dark)
  }

  async #show(pattern: (light: Light) => Pattern): Promise<void> {
    for (const light of this.#all) {
      const why = await light.lamp.show(pattern(light))
      light.failures = why === undefined ? 0 : light.failures + 1
      if (light.failures === patience)
        this.#scene.ports.log('warning', 'device: a lamp cannot be lit', { lamp: light.name, why, what: lampHelp })
    }
  }
}

class Button {
  readonly #scene: Scene
  readonly #code: number
  readonly #hold: Hold
  #cancel: Cancel = () => {}
  #stopped = false
  /** It was told already that it cannot be heard. */
  #told = false

  constructor(scene: Scene, code: number, held: () => void) {
    this.#scene = scene
    this.#code = code
    this.#hold = new Hold(scene.ports.clock, () => {
      scene.ports.log('warning', 'device: reset by its button')
      held()
    })
  }

  get pressed(): boolean {
    return this.#hold.pressed
  }

  /** `changed`: it was pressed, or let go. */
  start(changed: () => void): void {
    void this.#find(changed)
  }

  stop(): void {
    this.#stopped = true
    this.#hold.release()
    this.#cancel()
  }

  async #find(changed: () => void): Promise<void> {
    const { sys } = this.#scene.ports
    const path = await findKey(sys, this.#code)
    if (this.#stopped) return
    if (path === undefined) return this.#later(changed)
    const presses = new Presses(this.#code)
    this.#cancel = sys.follow(path, {
      data: (bytes) => {
        for (const press of presses.take(bytes)) this.#hold.take(press)
        this.#told = false
        changed()
      },
      closed: (why) => {
        this.#hold.release()
        if (!this.#told) this.#scene.ports.log('warning', 'device: the button cannot be heard', { why })
        this.#told = true
        this.#later(changed)
      },
    })
  }

  #later(changed: () => void): void {
    if (!this.#stopped) this.#cancel = this.#scene.ports.clock.after(findMs, () => void this.#find(changed))
  }
}
