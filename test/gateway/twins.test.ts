import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

test('a backlog that has just left does not leave again when the power goes in that moment', async () => {
  const box = new Box(1, { delivery: { digest: { from: 0 } } })
  await box.boot()
  box.away()
  for (let i = 1; i <= 12; i++) await box.send(`letter ${i}`)
  await box.pass(60_000)
  box.back()
  // The flight is over; what rides along with the next commit would wait for up to a second.
  for (let waited = 0; waited < 20_000 && !box.log.some((one) => one.event === 'relay: flight over'); waited += 10) await box.pass(10)
  assert.equal(box.told().length, 12)
  await box.pass(50)
  await box.powerCut()
  await box.pass(600_000)
  assert.equal(box.told().length, 12, 'nobody is told twice')
  assert.equal(box.waiting, 0)
})

test('two devices of the embedded broker that say the same under the same number are two alerts, also when a first copy was lost', async () => {
  const box = new Box(1, { broker: { enabled: true, listen: '127.0.0.1:1883', topics: ['alerts/#'] } })
  await box.boot()
  await box.pass(1000)
  const says = async (clientId: string, dup: boolean) => {
    const device = await box.settled(box.broker.servers.connect('127.0.0.1:1883', { clientId }))
    assert.ok(device, 'it is let in')
    const packet = { topic: 'alerts/door', payload: Buffer.from('Door open'), qos: 1 as const, retain: false, packetId: 1, dup }
    assert.equal(await box.settled(device.publish(packet)), 'acknowledged')
    device.end()
  }
  await says('sensor-a', false)
  await says('sensor-b', true)
  await says('sensor-a', true)
  await box.pass(60_000)
  assert.deepEqual(box.told(), ['Door open', 'Door open'], 'a repeat is one')
  await box.pass(900_000)
  await says('sensor-a', true)
  await box.pass(60_000)
  assert.equal(box.told().length, 3, 'the door was opened again, and the first copy of that was lost')
})
