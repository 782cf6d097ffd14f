import assert from 'node:assert/strict'
import type { Taking } from '../../src/ports/broker.ts'
import { sessionStories } from './broker-session.ts'
import { type BrokerWorld, payloadOf, storiesOf } from './broker-world.ts'

/** What every Broker does as a client: whose messages are acknowledged when, and which come again. */
export function brokerContract(name: string, make: () => Promise<BrokerWorld>, options: { skip: string | false } = { skip: false }): void {
  const on = storiesOf(name, make, options.skip)
  sessionStories(on)

  for (const qos of [1, 2] as const) {
    on(`a message of QoS ${qos} is acknowledged after it was taken, not before`, async ({ world, until, listen }) => {
      const gate = Promise.withResolvers<Taking>()
      const ear = listen()
      ear.answer = () => gate.promise
      const session = await ear.connect()
      assert.equal(session.sessionPresent, false)
      await world.publish('alerts/door', 'open', { qos })
      await until('it is heard', () => ear.heard.length === 1)
      const [message] = ear.heard
      assert.deepEqual(
        { ...message, payload: message && payloadOf(message), packetId: typeof message?.packetId },
        {
          topic: 'alerts/door',
          payload: 'open',
          qos,
          retain: false,
          dup: false,
          packetId: 'number',
        },
      )
      await world.pass(200)
      assert.deepEqual(world.acknowledged(), [])
      gate.resolve('taken')
      await until('it is acknowledged', () => world.acknowledged().length === 1)
      await session.close()
    })

    on(`a message of QoS ${qos} that is refused holds nobody up, and comes again in the next session`, async ({ world, until, listen }) => {
      const first = listen()
      first.answer = async (message) => (payloadOf(message) === 'no' ? 'refused' : 'taken')
      const session = await first.connect()
      for (const payload of ['yes', 'no', 'later']) await world.publish('alerts/a', payload, { qos })
      await until('the one behind it is acknowledged', () => world.acknowledged().includes('later'))
      await world.pass(200)
      assert.deepEqual(world.acknowledged(), ['yes', 'later'])
      assert.deepEqual(first.payloads, ['yes', 'no', 'later'])
      await session.close()
      const second = listen()
      const next = await second.connect()
      assert.equal(next.sessionPresent, true)
      await until('it is acknowledged', () => world.acknowledged().includes('no'))
      assert.deepEqual(second.payloads, ['no'])
      assert.equal(second.heard[0]?.dup, true)
      assert.equal(second.heard[0]?.packetId, first.heard[1]?.packetId)
      await next.close()
    })

    on(`what fails to be taken is refused, with QoS ${qos}`, async ({ world, until, listen }) => {
      const ear = listen()
      ear.answer = async () => {
        throw new Error('a bug')
      }
      const session = await ear.connect()
      await world.publish('alerts/a', 'x', { qos })
      await until('it is heard', () => ear.heard.length === 1)
      await world.pass(200)
      assert.deepEqual(world.acknowledged(), [])
      await session.close()
    })

    on(`acknowledgements go out in the order of arrival, with QoS ${qos}`, async ({ world, until, listen }) => {
      const ear = listen()
      const waits: Record<string, number> = { a: 120, b: 60, c: 1 }
      ear.answer = (message) => world.pass(waits[payloadOf(message)] ?? 0).then(() => 'taken')
      const session = await ear.connect()
      for (const payload of ['a', 'b', 'c']) await world.publish('alerts/a', payload, { qos })
      await until('all are acknowledged', () => world.acknowledged().length === 3)
      assert.deepEqual(world.acknowledged(), ['a', 'b', 'c'])
      await session.close()
    })

    on(`closing waits for messages in the air, with QoS ${qos}`, async ({ world, until, listen }) => {
      const gate = Promise.withResolvers<Taking>()
      const ear = listen()
      ear.answer = () => gate.promise
      const session = await ear.connect()
      await world.publish('alerts/a', 'x', { qos })
      await until('it is heard', () => ear.heard.length === 1)
      const closing = session.close()
      await world.pass(300)
      gate.resolve('taken')
      await closing
      await until('it is acknowledged', () => world.acknowledged().length === 1)
      const again = listen()
      const next = await again.connect()
      await world.pass(300)
      assert.deepEqual(again.payloads, [])
      await next.close()
    })
  }

  on('messages of QoS 1 are on their way together, so that one sync serves them all', async ({ world, until, listen }) => {
    const ear = listen()
    const all = Promise.withResolvers<Taking>()
    ear.answer = () => {
      if (ear.heard.length >= 3) all.resolve('taken')
      return all.promise
    }
    const session = await ear.connect()
    for (const payload of ['a', 'b', 'c']) await world.publish('alerts/a', payload, { qos: 1 })
    await until('all are acknowledged', () => world.acknowledged().length === 3)
    assert.deepEqual(world.acknowledged(), ['a', 'b', 'c'])
    await session.close()
  })

  on('a message that is never settled does not keep the session from closing', async ({ world, until, listen }) => {
    const ear = listen()
    ear.answer = () => new Promise(() => {})
    const session = await ear.connect()
    await world.publish('alerts/a', 'x', { qos: 1 })
    await until('it is heard', () => ear.heard.length === 1)
    const closed = session.close().then(() => 'closed')
    assert.equal(await Promise.race([closed, world.pass(6000).then(() => 'still open')]), 'closed')
    assert.deepEqual(world.acknowledged(), [])
  })

  on('a message of QoS 0 has no number, and refusing it changes nothing', async ({ world, until, listen }) => {
    const ear = listen()
    ear.answer = async () => 'refused'
    const session = await ear.connect()
    await world.publish('alerts/a', 'x', { qos: 0 })
    await world.publish('alerts/a', 'y', { qos: 0 })
    await until('both are heard', () => ear.heard.length === 2)
    assert.deepEqual(ear.payloads, ['x', 'y'])
    assert.ok(ear.heard.every((message) => message.qos === 0 && message.packetId === undefined && !message.dup))
    await session.close()
  })

  on('what comes while nobody is connected is kept for us', async ({ world, until, listen }) => {
    await (await listen().connect()).close()
    await world.publish('alerts/a', 'one', { qos: 1 })
    await world.publish('alerts/a', 'two', { qos: 2 })
    const ear = listen()
    const session = await ear.connect()
    assert.equal(session.sessionPresent, true)
    await until('both are acknowledged', () => world.acknowledged().length === 2)
    assert.deepEqual(ear.payloads, ['one', 'two'])
    assert.ok(ear.heard.every((message) => !message.dup))
    await session.close()
  })

  on('when its acknowledgement is lost, QoS 1 comes twice and says so', async ({ world, until, listen }) => {
    const ear = listen()
    await ear.connect()
    world.lose('acknowledgement')
    await world.publish('alerts/a', 'x', { qos: 1 })
    await until('the loss is told', () => ear.lost.length === 1)
    const session = await ear.connect()
    await until('it is acknowledged', () => world.acknowledged().length === 1)
    assert.deepEqual(ear.payloads, ['x', 'x'])
    assert.deepEqual(
      ear.heard.map((message) => message.dup),
      [false, true],
    )
    await session.close()
  })

  on('when its acknowledgement is lost, QoS 2 is told once all the same', async ({ world, until, listen }) => {
    const ear = listen()
    await ear.connect()
    world.lose('acknowledgement')
    await world.publish('alerts/a', 'x', { qos: 2 })
    await until('the loss is told', () => ear.lost.length === 1)
    const session = await ear.connect()
    await until('it is acknowledged', () => world.acknowledged().length === 1)
    await world.publish('alerts/a', 'y', { qos: 2 })
    await until('the next one, too', () => world.acknowledged().length === 2)
    assert.deepEqual(ear.payloads, ['x', 'y'])
    await session.close()
  })

  on('a broker that lost its sessions counts anew: the same number is no repetition', async ({ world, until, listen }) => {
    const ear = listen()
    await ear.connect()
    world.lose('acknowledgement')
    await world.publish('alerts/a', 'x', { qos: 2 })
    await until('the loss is told', () => ear.lost.length === 1)
    await world.forget()
    const session = await ear.connect()
    assert.equal(session.sessionPresent, false)
    await world.publish('alerts/a', 'y', { qos: 2 })
    await until('it is heard', () => ear.payloads.includes('y'))
    assert.equal(ear.heard[1]?.packetId, ear.heard[0]?.packetId)
    await session.close()
  })

  on('a retained message says so, and one that comes later does not', async ({ world, until, listen }) => {
    await world.publish('alerts/kept', 'old', { qos: 1, retain: true })
    const ear = listen()
    const session = await ear.connect()
    await until('the old one is heard', () => ear.heard.length === 1)
    await world.publish('alerts/kept', 'new', { qos: 1, retain: true })
    await until('the new one is heard', () => ear.heard.length === 2)
    assert.deepEqual(
      ear.heard.map((message) => [payloadOf(message), message.retain]),
      [
        ['old', true],
        ['new', false],
      ],
    )
    await world.publish('alerts/kept', '', { qos: 1, retain: true })
    await session.close()
  })
}
