import assert from 'node:assert/strict'
import type { Machine } from './machine.ts'
import { SerialLine } from './serial-line.ts'
import { until } from './until.ts'

/** Box: a flashed machine and its updates, as somebody beside it sees them: what root tells the gateway of the system, `outpost update` with a bundle of the stick, the plug in the wall. */
export type Told = { version: string; slot: string; state: string; bundle?: string; percent?: number; why?: string }

const bootSeconds = 900
const status = '/run/outpost-update/status.json'
const wishes = '/var/lib/outpost/update'

export class Box {
  readonly machine: Machine
  /** The bundle that was found good and lies with root. */
  #taken: string | undefined

  constructor(machine: Machine) {
    this.machine = machine
  }

  async told(): Promise<Told> {
    return JSON.parse(await this.machine.probe.run(`cat ${status}`, 120)) as Told
  }

  /** The box is up, and whatever it had to show is shown. */
  settled(): Promise<Told> {
    return this.#comesTo('the boot is confirmed', ({ state }) => !['checking', 'installing', 'installed', 'trial'].includes(state))
  }

  /** It is up, and has not shown yet that it works. */
  onTrial(): Promise<Told> {
    return this.#comesTo('the system is on trial', ({ state }) => state === 'trial')
  }

  async #comesTo(what: string, holds: (told: Told) => boolean): Promise<Told> {
    await this.machine.ready(bootSeconds)
    let last: Told | undefined
    await until(what, bootSeconds, async () => {
      last = await this.told().catch(() => undefined)
      return last !== undefined && holds(last)
    })
    assert.ok(last)
    return last
  }

  /** Alerts on the serial port, each acknowledged. */
  async says(...words: string[]): Promise<void> {
    const line = new SerialLine(this.machine.line)
    for (const word of words) await until(`${word} is acknowledged`, 120, () => line.say(`Alert ${word}`, 10))
    line.close()
  }

  /** `outpost update` inside. */
  bring(name: string, ...more: string[]): Promise<{ out: string; code: number }> {
    return this.machine.probe.try(`${this.#stick} && outpost update /run/stick/${name}.raucb ${more.join(' ')}`, 900)
  }

  /** The same, and nobody waits for it. */
  async beginsToBring(name: string): Promise<void> {
    await this.machine.probe.run(
      `${this.#stick}; rm -f ${wishes}/bundle.part; outpost update /run/stick/${name}.raucb >/run/bring.log 2>&1 &`,
    )
  }

  readonly #stick = 'mkdir -p /run/stick && { mountpoint -q /run/stick || mount -o ro,umask=022 /dev/vdb /run/stick; }'

  /** The word of the gateway that what was found good shall be installed. */
  async beginsToInstall(name: string): Promise<void> {
    if (this.#taken !== name) {
      const { out, code } = await this.bring(name)
      assert.equal(code, 0, out)
      this.#taken = name
    } else {
      // A start lets go of a bundle for which nobody waits: it is laid there again, as the gateway lays it.
      const bundle = `${wishes}/bundle.raucb`
      await this.machine.probe.run(
        `${this.#stick}; cp /run/stick/${name}.raucb ${bundle} && chown outpost:outpost ${bundle} && sync ${bundle}`,
        600,
      )
    }
    const draft = `${wishes}/request.json.new`
    await this.machine.probe.run(
      `echo '{"do":"install"}' > ${draft} && chown outpost:outpost ${draft} && mv ${draft} ${wishes}/request.json`,
    )
  }

  /** Looked at inside, twenty times in a second, because it may last for no longer. */
  async comesToSay(state: string): Promise<void> {
    await this.#sees(`grep -q '"state":"${state}"' ${status}`)
  }

  async received(bytes: number): Promise<void> {
    await this.#sees(`[ "$(stat -c %s ${wishes}/bundle.part 2>/dev/null || echo 0)" -ge ${bytes} ]`)
  }

  async #sees(condition: string): Promise<void> {
    await this.machine.probe.run(`n=0; until ${condition}; do n=$((n+1)); [ $n -lt 4000 ] || exit 1; sleep 0.05; done`, 600)
  }

  /** The power goes and comes. */
  async powerCut(): Promise<void> {
    await this.machine.cut()
    await this.machine.start()
  }

  bootId(): Promise<string> {
    return this.machine.probe.run('cat /proc/sys/kernel/random/boot_id', 120)
  }

  /** It restarts by itself: another boot answers. */
  async anotherBoot(before: string): Promise<void> {
    await until('another boot', bootSeconds * 2, async () => {
      const now = await this.machine.probe.try('cat /proc/sys/kernel/random/boot_id', 10).catch(() => ({ out: before, code: 1 }))
      return now.code === 0 && now.out !== before
    })
  }
}
