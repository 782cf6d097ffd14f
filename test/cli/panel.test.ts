import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseBoard } from '../../src/board/board.ts'
import type { Board } from '../../src/board/schema.ts'
import { servePanel } from '../../src/cli/panel.ts'
import { keyEvent } from '../sim/world/sys.ts'
import { WebBox } from '../web/box.ts'

const boardNamed = (name: string): Board => parseBoard(name, readFileSync(new URL(`../../boards/${name}.json`, import.meta.url), 'utf8'))
const pi = boardNamed('raspberry-pi-4b')
const led = (name: string) => `/sys/class/leds/${name}`

function withLed(box: WebBox, name: string): void {
  for (const [file, text] of Object.entries({ trigger: 'none timer', brightness: '0', max_brightness: '1', delay_on: '0', delay_off: '0' }))
    box.sys.files.set(`${led(name)}/${file}`, text)
}

/** What the lamp does now, as somebody sees it. */
const seen = (box: WebBox, name: string): string => {
  const file = (one: string) => box.sys.files.get(`${led(name)}/${one}`)
  return file('trigger') === 'timer' ? `${file('delay_on')}/${file('delay_off')}` : file('brightness') === '0' ? 'dark' : 'light'
}
const pass = (box: WebBox, ms: number) => box.timeline.run(box.timeline.now + ms)

test('the lamp goes with the box: starting, not set up, well, in need of help, dark; and nothing is written in between', async () => {
  const box = await WebBox.open({ sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyUSB0' }] })
  withLed(box, 'ACT')
  const stop = servePanel(box.scene, box.household, pi)
  await pass(box, 10)
  assert.equal(seen(box, 'ACT'), '2900/100', 'starting')
  await box.household.begin()
  await pass(box, 5000)
  assert.equal(seen(box, 'ACT'), '100/2900', 'not set up')
  await box.ask('POST', '/api/claim', { code: box.household.door.claimCode, password: 'a sentence that is long' })
  await pass(box, 5000)
  assert.equal(seen(box, 'ACT'), 'light')
  const written = box.sys.written.length
  await pass(box, 3_600_000)
  assert.equal(box.sys.written.length, written, 'an hour without news costs no write')
  box.household.hardware = { supply: 'low' }
  await pass(box, 2100)
  assert.equal(seen(box, 'ACT'), '125/125', 'somebody has to come')
  await stop()
  assert.equal(seen(box, 'ACT'), 'dark')
  await pass(box, 60_000)
  assert.equal(seen(box, 'ACT'), 'dark')
  await box.household.stop()
})

test('a board with a lamp for the link has it lit while there is a way out', async () => {
  const box = await WebBox.claimed()
  for (const name of ['beaglebone:green:usr0', 'beaglebone:green:usr1']) withLed(box, name)
  const stop = servePanel(box.scene, box.household, boardNamed('beaglebone-black'))
  await pass(box, 100)
  assert.equal(seen(box, 'beaglebone:green:usr1'), 'light')
  await stop()
  await box.household.stop()
})

test('a lamp that is not there is told once', async () => {
  const box = await WebBox.claimed()
  const stop = servePanel(box.scene, box.household, pi)
  await pass(box, 600_000)
  assert.equal(box.book.lines.filter((line) => JSON.stringify(line).includes('a lamp cannot be lit')).length, 1)
  await stop()
  await box.household.stop()
})

test('the button held for five seconds resets the box, and the lamp flickers as soon as it is pressed', async () => {
  const box = await WebBox.claimed()
  withLed(box, 'ACT')
  box.sys.files.set('/sys/class/input/event2/device/capabilities/key', '1000000 0 0 0 0 0 0')
  const stop = servePanel(box.scene, box.household, pi)
  await pass(box, 100)
  const button = box.sys.followed.get('/dev/input/event2')
  let end: string | undefined
  void box.household.ended.then((how) => {
    end = how
  })
  button?.data(keyEvent(1, 408, 1))
  await pass(box, 10)
  assert.equal(seen(box, 'ACT'), '50/50')
  await pass(box, 3000)
  button?.data(keyEvent(1, 408, 0))
  await pass(box, 10_000)
  assert.equal(end, undefined, 'three seconds are not enough')
  assert.equal(seen(box, 'ACT'), 'light')
  button?.data(keyEvent(1, 408, 1))
  await pass(box, 5100)
  assert.equal(end, 'reset')
  await stop()
  assert.equal(box.sys.followed.size, 0)
  await box.household.stop()
})

test('a button whose device cannot be read is told once, looked for again, and is not held meanwhile', async () => {
  const box = await WebBox.claimed()
  withLed(box, 'ACT')
  box.sys.files.set('/sys/class/input/event2/device/capabilities/key', '1000000 0 0 0 0 0 0')
  const stop = servePanel(box.scene, box.household, pi)
  await pass(box, 100)
  box.sys.followed.get('/dev/input/event2')?.data(keyEvent(1, 408, 1))
  let resets = 0
  void box.household.ended.then(() => resets++)
  for (let i = 0; i < 5; i++) {
    box.sys.followed.get('/dev/input/event2')?.closed('cat: /dev/input/event2: No such device')
    box.sys.followed.clear()
    await pass(box, 31_000)
    assert.equal(box.sys.followed.size, 1, 'it is heard again')
  }
  assert.equal(resets, 0)
  assert.equal(box.book.lines.filter((line) => JSON.stringify(line).includes('the button cannot be heard')).length, 1)
  await stop()
  await box.household.stop()
})

test('where the board has neither lamp nor button nothing runs', async () => {
  const box = await WebBox.claimed()
  const stop = servePanel(box.scene, box.household, boardNamed('generic-x86-64'))
  await pass(box, 600_000)
  assert.deepEqual(box.sys.written, [])
  await stop()
  await box.household.stop()
})
