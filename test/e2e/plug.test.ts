import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { Outpost } from '../peers/outpost.ts'
import { missing, sleep, stop, until } from '../peers/process.ts'
import { ptyPair } from '../peers/pty.ts'
import { type SerialSensor, serialSensor } from '../peers/sensor.ts'
import { SimRandom } from '../sim/world/random.ts'

/** Serial lines over real terminals: an adapter that is pulled out and comes back under another number, and a line that never ends. */
const skip = missing('socat')
const seed = Date.now() % 1e9
const dir = mkdtempSync(`${tmpdir()}/outpost-plug-`)
const byId = `${dir}/usb-FTDI_0001-if00-port0`
let outpost: Outpost

before(() => {
  if (skip) return
  outpost = new Outpost(`${dir}/data`, {
    broker: { enabled: false },
    sources: [{ id: 'plc', kind: 'serial', path: byId, acknowledge: 'line' }],
  })
})

after(async () => {
  await outpost?.stop()
  rmSync(dir, { recursive: true, force: true })
})

/** An adapter with the device behind it. */
class Adapter {
  readonly tty: string
  readonly device: string
  readonly #pair: ChildProcess

  private constructor(name: string, pair: ChildProcess) {
    this.tty = readlinkSync(`${name}-box`)
    this.device = `${name}-plc`
    this.#pair = pair
  }

  static async make(number: number): Promise<Adapter> {
    const name = `${dir}/tty${number}`
    return new Adapter(name, await ptyPair(`${name}-box`, `${name}-plc`))
  }

  plug(): void {
    symlinkSync(this.tty, `${byId}.new`)
    renameSync(`${byId}.new`, byId)
  }

  /** As udev does: the name goes with the device. */
  async unplug(): Promise<void> {
    rmSync(byId, { force: true })
    await stop(this.#pair, 'SIGKILL')
  }
}

/** A device that goes on with its list wherever it is plugged in; what was answered is not said again. */
class Plc {
  answered = 0
  readonly #total: number
  #sensor: SerialSensor | undefined
  #ended = false

  constructor(total: number) {
    this.#total = total
  }

  async run(): Promise<void> {
    while (this.answered < this.#total && !this.#ended) {
      const next = this.answered + 1
      const sent = await this.#sensor?.send(`{"id":"p-${next}","key":"p","text":"plugged ${next}."}`).catch(() => 'pulled out')
      if (this.#sensor === undefined || sent === 'pulled out') await sleep(20)
      else this.answered = next
    }
  }

  plug(adapter: Adapter): void {
    this.#sensor = serialSensor(adapter.device)
  }

  unplug(): void {
    this.#sensor?.close()
    this.#sensor = undefined
  }

  end(): void {
    this.#ended = true
    this.unplug()
  }
}

/** Oldest first. */
const told = (): number[] =>
  [...outpost.command('mailbox', 'export').matchAll(/^plugged (\d+)\.$/gm)].map(([, number]) => Number(number)).reverse()

/**
 * Waits between attempts double from half a second, a fifth more or less, and a line that is lost within ten seconds goes on doubling: so no
 * wait is longer than one and a half of all the time that the line was down, and a bit. The device repeats every 1.5 s.
 */
const backWithin = (downMs: number): number => downMs * 1.5 + 600 + 1500 + 1000

test('an adapter that is pulled out and comes back under another number is opened again within its back-off, and no answered line is lost', {
  skip,
  timeout: 120_000,
}, async (t) => {
  t.diagnostic(`seed ${seed}`)
  const random = new SimRandom(seed)
  const [lines, pulls] = [400, 3]
  const plc = new Plc(lines)
  let adapter = await Adapter.make(0)
  adapter.plug()
  plc.plug(adapter)
  outpost.begin()
  try {
    await until('the line is up', 10_000, () => outpost.log.includes('serial: up'))
    const running = plc.run()
    let downMs = 0
    for (let pull = 1; pull <= pulls; pull++) {
      await until('it is in the middle of it', 20_000, () => plc.answered >= (lines * pull) / (pulls + 1))
      // Made before the old one goes, so that it gets another number.
      const other = await Adapter.make(pull)
      assert.notEqual(other.tty, adapter.tty)
      // Half a line was under way.
      writeFileSync(adapter.device, '{"id":"p-')
      plc.unplug()
      await adapter.unplug()
      const [before, gone] = [plc.answered, performance.now()]
      const awayMs = 300 + random.below(1500)
      await sleep(awayMs)
      adapter = other
      const back = performance.now()
      adapter.plug()
      plc.plug(adapter)
      await until('lines flow again', backWithin(downMs + awayMs), () => plc.answered > before)
      downMs += performance.now() - gone
      t.diagnostic(`away ${awayMs} ms, answered ${Math.round(performance.now() - back)} ms after it was back as ${adapter.tty}`)
    }
    await running
    await until('all are in the mailbox', 20_000, () => told().length >= lines)
    assert.deepEqual(
      told(),
      Array.from({ length: lines }, (_, i) => i + 1),
      'each once, in their order',
    )
    outpost.alive()
  } finally {
    plc.end()
    await outpost.stop()
    await adapter.unplug()
  }
})

const floodMiB = 64
const growthMiB = 24

test(`resource exhaustion (CWE-400): ${floodMiB} MiB without a line end are one alert, cut; memory stays bounded, and the next line arrives`, {
  skip,
  timeout: 120_000,
}, async (t) => {
  const adapter = await Adapter.make(100)
  adapter.plug()
  outpost.log = ''
  outpost.begin()
  await until('the line is up', 10_000, () => outpost.log.includes('serial: up'))
  const held = openSync(adapter.device, 'r+')
  const sensor = serialSensor(adapter.device)
  try {
    await sensor.send('before the flood')
    const before = outpost.memory().now
    const begun = performance.now()
    const flood = spawn('sh', ['-c', `head -c ${floodMiB * 1024 * 1024} /dev/zero | tr '\\0' x > ${adapter.device}`], { stdio: 'ignore' })
    let ended = false
    flood.once('exit', () => {
      ended = true
    })
    let most = 0
    while (!ended) {
      most = Math.max(most, outpost.memory().now)
      await sleep(50)
    }
    const seconds = (performance.now() - begun) / 1000
    writeSync(held, '\r\n')
    await sensor.send('after the flood')
    const { peak } = outpost.memory()
    most = Math.max(most, peak)
    t.diagnostic(`${seconds.toFixed(1)} s; memory ${mib(before)} before, ${mib(most)} at most`)
    assert.ok(most - before < growthMiB * 1024 * 1024, `from ${mib(before)} to ${mib(most)}`)
    outpost.alive()
    const mailbox = () => outpost.command('mailbox', 'export')
    await until('both are in the mailbox', 10_000, () => mailbox().includes('after the flood'))
    const unwrapped = mailbox().replace(/=\r?\n/g, '')
    assert.deepEqual(
      unwrapped.match(/^x+/gm)?.map((line) => line.length),
      [4096],
      'one letter tells of the flood, as much as a frame holds',
    )
    assert.match(outpost.log, /serial: a frame was cut/)
  } finally {
    sensor.close()
    closeSync(held)
    await outpost.stop()
    await adapter.unplug()
  }
})

const mib = (octets: number): string => `${(octets / 1024 / 1024).toFixed(1)} MiB`
