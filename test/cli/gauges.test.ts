import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseBoard } from '../../src/board/board.ts'
import { readGauges } from '../../src/cli/gauges.ts'
import { stateOf } from '../../src/web/state.ts'
import { WebBox } from '../web/box.ts'

const boardNamed = (name: string) => parseBoard(name, readFileSync(new URL(`../../boards/${name}.json`, import.meta.url), 'utf8'))
const pass = (box: WebBox, ms: number) => box.timeline.run(box.timeline.now + ms)
const hour = 3_600_000

/** Sectors that the kernel counted as written. */
function wrote(box: WebBox, sectors: number): void {
  box.sys.device = '179:2'
  box.sys.files.set('/sys/dev/block/179:2/partition', '2\n')
  box.sys.files.set('/sys/dev/block/179:2/../stat', ` 1 0 8 0 9 0 ${sectors} 0 0 0 0\n`)
}

test('what was written is shown at once, kept seldom, and goes on over boots', async () => {
  const box = await WebBox.claimed()
  wrote(box, 1000)
  const { household } = box
  const stop = await readGauges(box.scene, household.device, household)
  assert.equal(household.hardware.writtenBytes, 0)
  wrote(box, 3000)
  await pass(box, 61_000)
  assert.equal(household.hardware.writtenBytes, 2000 * 512)
  assert.equal(household.device.data.wear?.bytes, 0, 'not yet kept')
  let syncs = box.disk.syncs
  await pass(box, 5 * hour)
  assert.equal(box.disk.syncs, syncs, 'looking costs no write')
  await pass(box, hour)
  assert.equal(household.device.data.wear?.bytes, 2000 * 512)
  syncs = box.disk.syncs
  await pass(box, 24 * hour)
  assert.ok(box.disk.syncs - syncs <= 4 * 8, `${box.disk.syncs - syncs} syncs a day`)
  wrote(box, 4000)
  await stop()
  assert.deepEqual(household.device.data.wear, { bytes: 3000 * 512, boot: 'boot-1', counted: 4000 * 512 })
  await household.stop()
})

test('state and metrics have what the machine tells, and nothing that it does not', async () => {
  const bare = await WebBox.claimed()
  const stopBare = await readGauges(bare.scene, bare.household.device, bare.household)
  assert.deepEqual(stateOf(bare.household).hardware, {})
  await stopBare()
  await bare.household.stop()
  const box = await WebBox.claimed()
  box.household.board = boardNamed('raspberry-pi-4b')
  wrote(box, 0)
  box.sys.files.set('/sys/class/thermal/thermal_zone0/temp', '48300\n')
  box.sys.files.set('/sys/dev/block/179:2/../device/life_time', '0x0a 0x02\n')
  box.sys.files.set('/sys/class/hwmon/hwmon0/name', 'rpi_volt\n')
  box.sys.files.set('/sys/class/hwmon/hwmon0/in0_lcrit_alarm', '1\n')
  const stop = await readGauges(box.scene, box.household.device, box.household)
  const answer = (await (await box.ask('GET', '/api/device')).json()) as { hardware: object; health: object; powerCuts: number }
  assert.deepEqual(answer.hardware, {
    board: 'Raspberry Pi 4 Model B',
    celsius: 48,
    supply: 'low',
    usedPercent: 100,
    nearlyOver: true,
    writtenBytes: 0,
  })
  assert.deepEqual(answer.health, { mood: 'trouble', sentence: 'The power supply is too weak. The storage is nearly worn out.' })
  assert.equal(answer.powerCuts, 0)
  const metrics = await (await box.ask('GET', '/metrics')).text()
  assert.match(metrics, /^outpost_temperature_celsius 48$/m)
  assert.match(metrics, /^outpost_storage_written_bytes 0$/m)
  await pass(box, 600_000)
  const told = box.book.lines.filter((line) => JSON.stringify(line).includes('the power supply is too weak'))
  assert.equal(told.length, 1, 'once for as long as it lasts')
  await stop()
  await box.household.stop()
})

test('the page offers the lines of the board by what stands beside them: those that are there, and not the console', async () => {
  const box = await WebBox.claimed()
  const offered = async () => {
    const { ports } = (await (await box.ask('GET', '/api/help')).json()) as { ports: { path: string; label?: string }[] }
    return ports.filter((port) => port.label !== undefined).map(({ path, label }) => `${path} ${label}`)
  }
  assert.deepEqual(await offered(), [], 'nobody knows the board')
  box.household.board = boardNamed('generic-x86-64')
  assert.deepEqual(await offered(), ['/dev/ttyS1 Second serial port (COM2)'])
  box.sys.files.set('/sys/class/tty/ttyS1/type', '0\n')
  assert.deepEqual(await offered(), [], 'a name without a port')
  box.sys.files.set('/sys/class/tty/ttyS1/type', '4\n')
  assert.deepEqual(await offered(), ['/dev/ttyS1 Second serial port (COM2)'])
  await box.household.stop()
})
