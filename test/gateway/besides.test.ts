import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

const minute = 60_000

/** A gateway that hears of a house by a broker and of a UPS by a line. */
async function house(): Promise<Box> {
  const box = new Box(1, {
    sources: [
      { id: 'house', kind: 'mqtt', url: 'mqtt://broker.example.org', topics: ['#'], qos: 1 },
      { id: 'ups', kind: 'serial', path: '/dev/ttyS0' },
    ],
    rules: [{ id: 'all', when: {}, repeat: ['6h'], to: ['ops'] }],
  })
  await box.boot()
  await box.pass(minute)
  return box
}

const subjects = (box: Box): string[] =>
  box.relay.taken.map(({ content }) => (/^Subject: (.*)$/m.exec(content)?.[1] ?? '').trim().replace('Outpost: ', ''))

const standing = (box: Box): (string | undefined)[] => box.gateway.desk.alerts().active.map(({ key }) => key)

async function hear(box: Box, topic: string, message: object): Promise<void> {
  box.broker.publish(topic, JSON.stringify(message), 1)
  await box.pass(minute)
}

test('a door that was open before the power went is over when it is closed, although its battery is low', async () => {
  const box = await house()
  await hear(box, 'zigbee2mqtt/door', { contact: false, battery_low: true })
  assert.deepEqual(standing(box), ['door/contact', 'door/battery_low'])
  await box.powerCut()
  await box.pass(minute)
  await hear(box, 'zigbee2mqtt/door', { contact: true, battery_low: true })
  assert.deepEqual(standing(box), ['door/battery_low'])
  await hear(box, 'zigbee2mqtt/door', { contact: true, battery_low: true })
  assert.deepEqual(subjects(box), ['Warning: door: open', 'Warning: door: battery is low', 'CLEARED: door: closed'])
})

test('whatever stands side by side in one message begins and ends once', async () => {
  const box = await house()
  await hear(box, 'tele/cellar/SENSOR', { Switch1: 'OFF', Switch2: 'ON' })
  await hear(box, 'tele/cellar/SENSOR', { Switch1: 'ON', Switch2: 'ON' })
  assert.deepEqual(standing(box), ['cellar/Switch2', 'cellar/Switch1'])
  await hear(box, 'tele/cellar/SENSOR', { Switch1: 'OFF', Switch2: 'OFF' })
  assert.deepEqual(standing(box), [])
  const shelly = (method: string, floods: Record<string, unknown>) =>
    hear(box, 's1/events/rpc', { src: 's1', method, params: { ts: 1, ...floods } })
  await shelly('NotifyFullStatus', { 'flood:0': { alarm: true }, 'flood:1': { alarm: true } })
  await shelly('NotifyStatus', { 'flood:0': { alarm: false }, 'flood:1': { alarm: true } })
  assert.deepEqual(standing(box), ['s1/flood:1.alarm'])
  await shelly('NotifyStatus', { 'flood:1': { alarm: false } })
  assert.deepEqual(standing(box), [])
})

test('mains that return end what was said of the battery', async () => {
  const box = await house()
  for (const word of ['ONBATT', 'LOWBATT']) box.blurt(`UPS rack@localhost: ${word}`)
  await box.pass(minute)
  assert.deepEqual(standing(box), ['ups/rack@localhost/power', 'ups/rack@localhost/battery'])
  box.blurt('UPS rack@localhost: ONLINE')
  await box.pass(minute)
  assert.deepEqual(standing(box), [])
})

test('a keypad that shows two troubles in turn tells each once, and the end of each, also over a restart', async () => {
  const box = await house()
  const show = async (words: readonly string[], ms: number) => {
    for (let at = 0; at < ms / 4000; at++) {
      box.blurt(`[10000001000100003A--],008,[f702000f1008001c08020000000000],"${words[at % words.length]}"`)
      await box.pass(4000)
    }
  }
  await show(['FIRE 01 CELLAR', 'SYSTEM LO BAT', '****DISARMED****'], 10 * minute)
  assert.deepEqual(standing(box), ['keypad/fire', 'keypad/battery'])
  assert.deepEqual(
    subjects(box).filter((one) => !one.includes('DISARMED')),
    ['CRITICAL: FIRE 01 CELLAR', 'Warning: SYSTEM LO BAT'],
  )
  await box.powerCut()
  await show(['SYSTEM LO BAT', '****DISARMED****'], 5 * minute)
  assert.deepEqual(standing(box), ['keypad/battery'])
  await show(['****DISARMED****'], 5 * minute)
  assert.deepEqual(standing(box), [])
  assert.deepEqual(
    subjects(box).filter((one) => one.startsWith('CLEARED')),
    ['CLEARED: The keypad shows no fire any more', 'CLEARED: The keypad shows no low battery any more'],
  )
})
