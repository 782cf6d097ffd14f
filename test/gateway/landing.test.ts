import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

const silent = { serve: () => {} }

test('the lines are heard while the letter in the air is brought to its end, and the next life tells what came meanwhile', async () => {
  const box = new Box(1, { sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0' }] })
  await box.boot()
  box.net.place('relay.example.org', 25, silent)
  await box.send('in the air')
  await box.pass(3000)
  let isOver = false
  void box.gateway.stop().then(() => {
    isOver = true
  })
  for (let i = 1; i <= 9; i++) {
    await box.pass(1000)
    assert.ok(!isOver, 'the flight is not over')
    box.blurt(`alarm ${i}`)
  }
  await box.pass(5000)
  assert.ok(isOver)
  box.net.place('relay.example.org', 25, box.relay)
  await box.boot()
  await box.pass(60_000)
  assert.deepEqual(box.told(), ['in the air', ...Array.from({ length: 9 }, (_, i) => `alarm ${i + 1}`)])
})

test('a device that says everything once is heard until a broker that has fallen silent was waited for', async () => {
  const box = new Box(1, {
    sources: [
      { id: 'plc', kind: 'serial', path: '/dev/ttyS0' },
      { id: 'field', kind: 'mqtt', url: 'mqtt://broker:1883' },
    ],
  })
  await box.boot()
  await box.pass(1000)
  const connect = box.broker.connect.bind(box.broker)
  box.broker.connect = async (...args) => {
    const session = await connect(...args)
    const close = session.close.bind(session)
    session.close = async () => {
      await new Promise<void>((resolve) => void box.timeline.at(4000, resolve))
      await close()
    }
    return session
  }
  box.broker.drop()
  await box.pass(60_000)
  const stopping = box.gateway.stop()
  await box.pass(2000)
  box.blurt('alarm')
  await box.settled(stopping)
  await box.boot()
  await box.pass(60_000)
  assert.deepEqual(box.told(), ['alarm'])
})
