import assert from 'node:assert/strict'
import type { BrokerError } from '../../src/ports/broker.ts'
import { brokerError, type On } from './broker-world.ts'

/** How every Broker comes to a session, and out of it: topics, losses, refusals, presence. */
export function sessionStories(on: On): void {
  on('after a broker lost its sessions, the topics are asked for again', async ({ world, until, listen }) => {
    const ear = listen()
    await (await ear.connect()).close()
    await world.forget()
    const session = await ear.connect()
    assert.equal(session.sessionPresent, false)
    await world.publish('alerts/a', 'x', { qos: 1 })
    await until('it is heard', () => ear.heard.length === 1)
    await session.close()
  })

  for (const qos of [1, 2] as const)
    on(`what was stored with QoS ${qos} is heard before it is said that the session has caught up`, async ({ world, until, listen }) => {
      const first = listen()
      const session = await first.connect()
      assert.deepEqual(first.caughtUp, [0], 'nothing can be stored for a session that is new')
      await session.close()
      const payloads = Array.from({ length: 50 }, (_, at) => `stored ${at}`)
      for (const payload of payloads) await world.publish('alerts/a', payload, { qos })
      const second = listen()
      second.answer = () => world.pass(20).then(() => 'taken')
      const next = await second.connect()
      await until('it has caught up', () => second.caughtUp.length > 0)
      assert.deepEqual(second.payloads, payloads)
      await world.publish('alerts/a', 'new', { qos })
      await until('it is heard', () => second.payloads.includes('new'))
      assert.deepEqual(second.caughtUp, [50])
      await next.close()
    })

  on('a subscription that was lost on the way is made up for, although the broker knows the session', async ({ world, until, listen }) => {
    const ear = listen()
    world.lose('subscription')
    await assert.rejects(ear.connect(), brokerError('network'))
    assert.deepEqual(ear.lost, [])
    const session = await ear.connect()
    await world.publish('alerts/a', 'x', { qos: 1 })
    await until('it is heard', () => ear.heard.length === 1)
    await session.close()
  })

  on('a broker that lets us in and then says nothing is given up in time', async ({ world, until, listen }) => {
    const ear = listen()
    world.lose('subscription', 'silence')
    const began = ear.connect({ connectTimeoutMs: 500 }).catch((error) => error)
    const ended = await Promise.race([began, world.pass(5000).then(() => 'still trying')])
    assert.ok(brokerError('network')(ended))
    assert.deepEqual(ear.lost, [])
    const session = await ear.connect()
    await world.publish('alerts/a', 'x', { qos: 1 })
    await until('it is heard', () => ear.heard.length === 1)
    await session.close()
  })

  on('in a session that is known, other topics are asked for and old ones given up', async ({ world, until, listen }) => {
    const ear = listen()
    await (await ear.connect({ topics: ['alerts/#'] })).close()
    const session = await ear.connect({ topics: ['doors/#'] })
    assert.equal(session.sessionPresent, true)
    await world.publish('alerts/a', 'old', { qos: 1 })
    await world.publish('doors/a', 'new', { qos: 1 })
    await until('it is heard', () => ear.payloads.includes('new'))
    await world.pass(200)
    assert.deepEqual(ear.payloads, ['new'])
    await session.close()
  })

  on('a topic that we may not have is told at every attempt', async ({ world, listen }) => {
    const ear = listen()
    for (let i = 0; i < 2; i++)
      await assert.rejects(ear.connect({ topics: ['alerts/#', world.forbidden] }), (error) => {
        brokerError('subscription')(error)
        return /^\d+$/.test((error as BrokerError).code)
      })
    assert.deepEqual(ear.lost, [])
  })

  on('a lost connection is told once, a closed one never', async ({ world, until, listen }) => {
    const ear = listen()
    const session = await ear.connect()
    world.cut()
    await until('it is told', () => ear.lost.length > 0)
    assert.ok((ear.lost[0]?.length ?? 0) > 10, 'in words')
    await session.close()
    await session.close()
    const next = await ear.connect()
    await next.close()
    await world.pass(200)
    assert.equal(ear.lost.length, 1)
  })

  on('closing ends although the broker has fallen silent', async ({ world, listen }) => {
    const ear = listen()
    const session = await ear.connect()
    world.freeze()
    const closed = session.close().then(() => 'closed')
    assert.equal(await Promise.race([closed, world.pass(8000).then(() => 'still open')]), 'closed')
    assert.deepEqual(ear.lost, [])
  })

  on('a broker that does not let us in has refused', async ({ world, listen }) => {
    const ear = listen()
    await assert.rejects(ear.connect(world.wrong), (error) => {
      brokerError('refused')(error)
      return /^\d+$/.test((error as BrokerError).code)
    })
    await world.pass(100)
    assert.deepEqual(ear.lost, [])
  })

  on('nobody there, or somebody who says nothing, is a fault of the network', async ({ world, listen }) => {
    const ear = listen()
    world.freeze()
    const began = ear.connect({ connectTimeoutMs: 500 }).catch((error) => error)
    const ended = await Promise.race([began, world.pass(5000).then(() => 'still trying')])
    assert.ok(brokerError('network')(ended))
    await world.vanish()
    await assert.rejects(ear.connect(), brokerError('network'))
    assert.deepEqual(ear.lost, [])
  })

  on('presence: online while we are there, offline after we vanished and after we left', async ({ world, until, listen }) => {
    const presence = { topic: 'outpost/box/status', online: 'online', offline: 'offline' }
    const status = async (wanted: string) => {
      for (let i = 0; i < 50 && (await world.retained(presence.topic)) !== wanted; i++) await world.pass(20)
      assert.equal(await world.retained(presence.topic), wanted)
    }
    const ear = listen()
    await ear.connect({ presence })
    await status('online')
    world.cut()
    await status('offline')
    await until('it is told', () => ear.lost.length === 1)
    const session = await ear.connect({ presence })
    await status('online')
    await session.close()
    await status('offline')
  })

  on('presence is no condition: alerts come, although it was lost on the way', async ({ world, until, listen }) => {
    const presence = { topic: 'outpost/box/status', online: 'online', offline: 'offline' }
    const ear = listen()
    world.lose('presence')
    const first = ear.connect({ presence }).catch((error) => error)
    const ended = await Promise.race([first, world.pass(5000).then(() => 'still trying')])
    assert.notEqual(ended, 'still trying')
    if (ended instanceof Error) brokerError('network')(ended)
    else await until('the loss is told', () => ear.lost.length === 1)
    const session = await ear.connect({ presence })
    await world.publish('alerts/a', 'x', { qos: 1 })
    await until('it is heard', () => ear.heard.length === 1)
    await session.close()
  })

  on('presence is no condition: alerts come from a broker that does not let us publish', async ({ world, until, listen }) => {
    const ear = listen()
    const session = await ear.connect({ presence: { topic: world.unwritable, online: 'online', offline: 'offline' } })
    await world.publish('alerts/a', 'x', { qos: 1 })
    await until('it is heard', () => ear.heard.length === 1)
    await world.pass(200)
    assert.equal(await world.retained(world.unwritable), undefined)
    await session.close()
    assert.deepEqual(ear.lost, [])
  })

  on('what we publish arrives; when the connection is gone, it says so', async ({ world, until, listen }) => {
    const ear = listen()
    const session = await ear.connect()
    await session.publish('outpost/box/said', 'one')
    await session.publish('outpost/box/said', 'two', { qos: 1, retain: true })
    await until('both are heard', () => world.published().length === 2)
    assert.deepEqual(world.published(), ['outpost/box/said one', 'outpost/box/said two'])
    assert.equal(await world.retained('outpost/box/said'), 'two')
    world.cut()
    await until('the loss is told', () => ear.lost.length === 1)
    for (const qos of [0, 1] as const) {
      const late = session.publish('outpost/box/said', 'three', { qos }).then(() => 'sent')
      const ended = await Promise.race([late.catch((error) => error), world.pass(3000).then(() => 'still waiting')])
      assert.ok(brokerError('network')(ended))
    }
    await session.close()
  })
}
