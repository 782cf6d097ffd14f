import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Reading } from '../../src/alert/alert.ts'
import { SourceMemory } from '../../src/decode/memory.ts'
import { decode } from '../../src/decode/registry.ts'

/** Everything that a frame says, in the order in which it is to be told: `raised cellar/smoke`. */
function saidBy(sent: string, topic?: string, memory = new SourceMemory(), now = 0): string[] {
  const found = decode('auto', Buffer.from(sent), { memory, now, ...(topic === undefined ? {} : { topic }) })
  if (found.kind === 'undecodable') assert.fail(found.why)
  const besides = (found.besides ?? []).map(wordsOf)
  return found.kind === 'reading' ? [wordsOf(found.reading), ...besides] : besides
}

const wordsOf = ({ state = 'event', key }: Reading): string => `${state} ${key}`

describe('one message of zigbee2mqtt', () => {
  const says = (message: string) => saidBy(message, 'zigbee2mqtt/door')

  test('tells the end of what was open although the battery is low', () => {
    assert.deepEqual(says('{"contact":false,"battery_low":true}'), ['raised door/contact', 'raised door/battery_low'])
    assert.deepEqual(says('{"contact":true,"battery_low":true}'), ['raised door/battery_low', 'cleared door/contact'])
  })

  test('leads with the worst, and ends with what is well about the device itself', () => {
    assert.deepEqual(says('{"tamper":true,"contact":false,"smoke":true}'), [
      'raised door/smoke',
      'raised door/tamper',
      'raised door/contact',
    ])
    assert.deepEqual(says('{"battery_low":false,"tamper":false,"occupancy":false}'), [
      'cleared door/occupancy',
      'cleared door/tamper',
      'cleared door/battery_low',
    ])
  })

  test('tells a button that was pressed although it says of the battery, too', () => {
    assert.deepEqual(says('{"action":"panic","battery_low":false}'), ['event door/action', 'cleared door/battery_low'])
  })
})

describe('Network UPS Tools', () => {
  test('end a battery that was nearly empty with the return of the mains', () => {
    assert.deepEqual(saidBy('UPS rack@localhost: LOWBATT'), ['raised ups/rack@localhost/battery'])
    assert.deepEqual(saidBy('UPS rack@localhost: ONLINE'), ['cleared ups/rack@localhost/power', 'cleared ups/rack@localhost/battery'])
    assert.deepEqual(saidBy('UPS rack@localhost: COMMOK'), ['cleared ups/rack@localhost/communication'])
  })

  test('say in a status how mains and battery stand', () => {
    const logged = (status: string) => saidBy(`20060926 143015 10 11.9 12 [${status}] NA 60.0`)
    assert.deepEqual(logged('OB'), ['raised ups/ups/power'])
    assert.deepEqual(logged('OB LB'), ['raised ups/ups/battery', 'raised ups/ups/power'])
    assert.deepEqual(logged('OL LB'), ['raised ups/ups/battery', 'cleared ups/ups/power'])
    assert.deepEqual(logged('OL CHRG'), ['cleared ups/ups/power', 'cleared ups/ups/battery'])
  })
})

test('every switch of a Tasmota is told, one that is on before one that is off', () => {
  const sent = '{"Time":"2026-12-01T00:00:00","Switch1":"OFF","Switch2":"ON","Switch3":"OFF"}'
  assert.deepEqual(saidBy(sent, 'tele/cellar/SENSOR'), ['raised cellar/Switch2', 'cleared cellar/Switch1', 'cleared cellar/Switch3'])
})

describe('one message of a Shelly', () => {
  const says = (method: string, params: object) => saidBy(JSON.stringify({ src: 's1', method, params }), 's1/events/rpc')

  test('tells a flood beside a sensor that is dry', () => {
    assert.deepEqual(says('NotifyFullStatus', { ts: 1, 'flood:0': { alarm: false }, 'flood:1': { alarm: true } }), [
      'raised s1/flood:1.alarm',
      'cleared s1/flood:0.alarm',
    ])
  })

  test('tells all of its events, the same one as often as it came', () => {
    const events = ['btn_up', 'alarm_panic', 'btn_up'].map((event) => ({ component: 'input:0', event }))
    assert.deepEqual(says('NotifyEvent', { ts: 1, events }), [
      'event s1/input:0/btn_up',
      'event s1/input:0/alarm_panic',
      'event s1/input:0/btn_up',
    ])
  })
})

test('a battery of a radio sensor that is fine again is told', () => {
  assert.deepEqual(saidBy('20;2E;Smoke;ID=1;SMOKEALERT=ON;BAT=LOW;'), ['raised Smoke/1/SMOKEALERT', 'raised Smoke/1/BAT'])
  assert.deepEqual(saidBy('20;2E;Smoke;ID=1;SMOKEALERT=OFF;BAT=OK;'), ['cleared Smoke/1/SMOKEALERT', 'cleared Smoke/1/BAT'])
  assert.deepEqual(saidBy('20;2E;Oregon;ID=1;HUM=16;BAT=OK;'), ['event Oregon/1', 'cleared Oregon/1/BAT'])
  const radio = (ok: number) => saidBy(`{"model":"Acurite","id":7,"battery_ok":${ok},"humidity":40}`, 'rtl_433/hut/events')
  assert.deepEqual(radio(0), ['raised Acurite/7/battery'])
  assert.deepEqual(radio(1), ['event Acurite/7', 'cleared Acurite/7/battery'])
})

test('of more alerts than any device has, the worst are told, and it is said how many are not', () => {
  const switches = Array.from({ length: 100 }, (_, at) => [`Switch${at + 1}`, at < 60 ? 'OFF' : 'ON'])
  const found = decode('auto', Buffer.from(JSON.stringify(Object.fromEntries(switches))), { topic: 'tele/x/SENSOR' })
  assert.ok(found.kind === 'reading')
  const told = [found.reading, ...(found.besides ?? [])]
  assert.equal(told.length, 64)
  assert.equal(told.filter(({ state }) => state === 'raised').length, 40)
  assert.match(String(found.reading.fields?.decodeNote), /36 of 100 alerts were passed over/)
})

describe('a keypad', () => {
  const shownAt = (words: string, ms: number, memory: SourceMemory) =>
    saidBy(`[10000001000100003A--],008,[f702000f1008001c08020000000000],"${words}"`, undefined, memory, ms)
  const turn = ['FIRE 01 CELLAR', 'SYSTEM LO BAT', '****DISARMED****']

  test('that shows its troubles in turn raises each of them once', () => {
    const memory = new SourceMemory()
    const told = Array.from({ length: 300 }, (_, at) => shownAt(turn[at % 3] ?? '', at * 4000, memory)).flat()
    const news = told.filter((one) => !/^cleared keypad\/(?:alarm|power|trouble)$/.test(one))
    assert.deepEqual(news, ['raised keypad/fire', 'raised keypad/battery', 'event keypad'])
  })

  test('ends a trouble that it has not shown for two minutes, while another goes on', () => {
    const memory = new SourceMemory()
    const endOf = (words: readonly string[], from: number, to: number) => {
      for (let ms = from; ms < to; ms += 4000)
        if (shownAt(words[(ms / 4000) % words.length] ?? '', ms, memory).includes('cleared keypad/fire')) return ms
      return undefined
    }
    assert.equal(endOf(turn, 0, 600_000), undefined)
    const end = endOf(turn.slice(1), 600_000, 1_200_000) ?? 0
    assert.ok(end >= 710_000 && end <= 724_000, `${end}`)
    assert.ok(!shownAt('SYSTEM LO BAT', 800_000, memory).includes('cleared keypad/battery'))
    assert.deepEqual(shownAt('FIRE 01 CELLAR', 804_000, memory)[0], 'raised keypad/fire', 'it is news again')
  })

  test('that raises another fire is told while the first one lasts', () => {
    const memory = new SourceMemory()
    assert.deepEqual(shownAt('FIRE 01 CELLAR', 0, memory), ['raised keypad/fire'])
    assert.deepEqual(shownAt('FIRE 02 ATTIC', 4000, memory), ['raised keypad/fire'])
    assert.deepEqual(shownAt('FIRE 01 CELLAR', 8000, memory), [])
  })

  test('whose interface passes on only what differs shows the last until the next', () => {
    const memory = new SourceMemory()
    shownAt('FIRE 01 CELLAR', 0, memory)
    assert.ok(!shownAt('SYSTEM LO BAT', 3_600_000, memory).includes('cleared keypad/fire'))
    assert.deepEqual(
      shownAt('FIRE 01 CELLAR', 3_604_000, memory).filter((one) => one.endsWith('fire')),
      [],
    )
    assert.ok(shownAt('****DISARMED****', 7_200_000, memory).length > 0)
    assert.ok(!shownAt('FAULT 08 DOOR', 7_400_000, memory).includes('cleared keypad/fire'), 'a line that was silent says nothing of it')
    for (let now = 7_420_000; now < 7_540_000; now += 20_000) shownAt('FAULT 08 DOOR', now, memory)
    assert.ok(shownAt('FAULT 09 DOOR', 7_540_000, memory).includes('cleared keypad/fire'))
    assert.deepEqual(shownAt('FIRE 01 CELLAR', 90_000_000, memory)[0], 'raised keypad/fire', 'the next day it is another one')
  })
})
