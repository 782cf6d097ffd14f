import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Broker,
  BrokerError,
  type BrokerServer,
  type BrokerServerEvents,
  type BrokerServerOptions,
  type Taking,
} from '../../src/ports/broker.ts'

export type Told = Parameters<BrokerServerEvents['message']>[0]

/** How a publication ended for who made it. */
export type Fate = 'acknowledged' | 'closed'

export type Publication = { topic: string; payload: string; qos: 0 | 1 | 2; retain?: boolean; packetId?: number; dup?: boolean }

/** A device at our broker, with a session that the broker keeps. */
export type Device = {
  /** QoS 0 is acknowledged when it was sent. */
  publish(publication: Publication): Promise<Fate>
  /** Several in one segment. */
  publishAll(publications: Publication[]): Promise<Fate>[]
  /** The second half of QoS 2. */
  release(packetId: number): Promise<Fate>
  closed(): boolean
  leave(): Promise<void>
}

export type ServeWorld = {
  broker: Broker
  /** Any port of the box alone, and one that others reach. */
  own: string
  open: string
  /** undefined: not let in. */
  device(address: string, who: { clientId: string; name?: string; password?: string }): Promise<Device | undefined>
  /** Somebody who connects and says nothing. */
  visitor(address: string): Promise<void>
  pass(ms: number): Promise<void>
  done(): Promise<void>
}

type Scene = {
  world: ServeWorld
  told: Told[]
  /** Decides over each message; without it all are taken at once. */
  answer(how: (message: Told) => Promise<Taking>): void
  serve(more?: Partial<BrokerServerOptions>): Promise<BrokerServer>
  enter(server: BrokerServer, who?: { clientId?: string; name?: string; password?: string }): Promise<Device>
  until(what: string, so: () => boolean): Promise<void>
}

const textOf = (message: Told) => Buffer.from(message.payload).toString()
const brokerError = (code: string) => (error: unknown) =>
  error instanceof BrokerError && error.kind === 'refused' && error.code === code && error.message.length > 10
const message = (payload: string, qos: 0 | 1 | 2 = 1, packetId = 1): Publication => ({ topic: 'alerts/a', payload, qos, packetId })

/** What every Broker does as a broker. */
export function brokerServerContract(name: string, make: () => Promise<ServeWorld>): void {
  const on = (what: string, story: (scene: Scene) => Promise<void>) =>
    test(`${name}: ${what}`, { timeout: 30_000 }, async () => {
      const world = await make()
      const servers: BrokerServer[] = []
      const told: Told[] = []
      let how: (message: Told) => Promise<Taking> = async () => 'taken'
      const scene: Scene = {
        world,
        told,
        answer: (next) => {
          how = next
        },
        serve: async (more = {}) => {
          const options = { listen: world.own, users: [], maxClients: 10, maxBytes: 1000, ...more }
          const server = await world.broker.serve(options, {
            message: (one) => {
              told.push(one)
              return how(one)
            },
          })
          servers.push(server)
          return server
        },
        enter: async (server, who = {}) => {
          const device = await world.device(server.address, { clientId: 'door', ...who })
          assert.ok(device, 'the device is let in')
          return device
        },
        until: async (awaited, so) => {
          for (let i = 0; i < 400 && !so(); i++) await world.pass(10)
          assert.ok(so(), awaited)
        },
      }
      try {
        await story(scene)
      } finally {
        for (const server of servers) await server.close()
        await world.done()
      }
    })

  for (const qos of [1, 2] as const) {
    on(
      `a publication of QoS ${qos} is acknowledged after it was taken, not before`,
      async ({ world, told, answer, serve, enter, until }) => {
        const gate = Promise.withResolvers<Taking>()
        answer(() => gate.promise)
        const device = await enter(await serve())
        let fate: Fate | undefined
        void device.publish({ topic: 'alerts/door', payload: 'open', qos, packetId: 7, retain: true }).then((end) => {
          fate = end
        })
        await until('it is told', () => told.length === 1)
        const [one] = told
        assert.deepEqual(
          { ...one, payload: one && textOf(one) },
          { topic: 'alerts/door', payload: 'open', qos, retain: true, dup: false, clientId: 'door', packetId: 7 },
        )
        await world.pass(200)
        assert.equal(fate, undefined)
        gate.resolve('taken')
        await until('it is acknowledged', () => fate === 'acknowledged')
      },
    )

    on(
      `who is refused, or not taken by mistake, is cut off without an acknowledgement, QoS ${qos}`,
      async ({ told, answer, serve, enter }) => {
        const server = await serve()
        const other = await enter(server, { clientId: 'window' })
        for (const how of [async () => 'refused' as const, () => Promise.reject(new Error('a bug'))]) {
          answer(how)
          const device = await enter(server)
          assert.equal(await device.publish(message('x', qos)), 'closed')
          assert.ok(device.closed())
        }
        answer(async () => 'taken')
        assert.equal(await other.publish(message('y', qos)), 'acknowledged')
        const again = await enter(server)
        assert.equal(await again.publish({ ...message('x', qos), dup: true }), 'acknowledged')
        assert.deepEqual(told.map(textOf), ['x', 'x', 'y', 'x'])
      },
    )

    on(`acknowledgements go out in the order of arrival, QoS ${qos}`, async ({ world, answer, serve, enter }) => {
      const waits: Record<string, number> = { a: 200, b: 100, c: 0 }
      answer((one) => world.pass(waits[textOf(one)] ?? 0).then(() => 'taken'))
      const device = await enter(await serve())
      const ended: string[] = []
      const all = device.publishAll(['a', 'b', 'c'].map((payload, index) => message(payload, qos, index + 1)))
      await Promise.all(all.map((fate, index) => fate.then((end) => ended.push(`${index + 1} ${end}`))))
      assert.deepEqual(ended, ['1 acknowledged', '2 acknowledged', '3 acknowledged'])
    })
  }

  on('a publication of QoS 0 is told without a number', async ({ told, serve, enter, until }) => {
    const device = await enter(await serve())
    await device.publish(message('x', 0))
    await until('it is told', () => told.length === 1)
    assert.equal(told[0]?.packetId, undefined)
    assert.equal(told[0]?.qos, 0)
  })

  on('QoS 2: sent again before its release it is told once, also in the next connection', async ({ told, serve, enter }) => {
    const server = await serve()
    const first = await enter(server)
    assert.equal(await first.publish(message('x', 2)), 'acknowledged')
    assert.equal(await first.publish({ ...message('x', 2), dup: true }), 'acknowledged')
    await first.leave()
    const second = await enter(server)
    assert.equal(await second.publish({ ...message('x', 2), dup: true }), 'acknowledged')
    assert.equal(await second.release(1), 'acknowledged')
    assert.deepEqual(told.map(textOf), ['x'])
  })

  on('QoS 2: after its release a number is free, and what comes under it is told, whatever its flags', async ({ told, serve, enter }) => {
    const device = await enter(await serve())
    for (const dup of [false, true, true]) {
      // A device that is cut off before the first copy arrived says DUP with the second.
      assert.equal(await device.publish({ ...message('x', 2), dup }), 'acknowledged')
      assert.equal(await device.release(1), 'acknowledged')
    }
    assert.deepEqual(told.map(textOf), ['x', 'x', 'x'])
  })

  on('missing authentication (CWE-306): with users only they come in, and are named', async ({ world, told, serve, enter }) => {
    const { address, ...server } = await serve({ users: [{ name: 'sensor', password: 'secret' }] })
    for (const who of [
      {},
      { name: 'sensor' },
      { name: 'sensor', password: 'Secret' },
      { name: 'guest', password: 'secret' },
      { name: '', password: '' },
    ])
      assert.equal(await world.device(address, { clientId: 'thief', ...who }), undefined)
    const device = await enter({ address, ...server }, { name: 'sensor', password: 'secret' })
    assert.equal(await device.publish(message('x')), 'acknowledged')
    assert.equal(told[0]?.user, 'sensor')
  })

  on('brute force (CWE-307): whoever guesses has to wait, also with the right password; another user does not', async (scene) => {
    const { world, serve, enter } = scene
    const users = ['sensor', 'pump'].map((name) => ({ name, password: `secret of ${name}` }))
    const server = await serve({ users })
    const right = { name: 'sensor', password: 'secret of sensor' }
    for (let i = 0; i < 3; i++)
      assert.equal(await world.device(server.address, { clientId: 'thief', name: 'sensor', password: `guess ${i}` }), undefined)
    assert.equal(await world.device(server.address, { clientId: 'thief', ...right }), undefined)
    await enter(server, { clientId: 'pump', name: 'pump', password: 'secret of pump' })
    await world.pass(1100)
    await enter(server, { clientId: 'sensor', ...right })
  })

  on('missing authentication (CWE-306): where others can reach it, it does not listen without users', async ({ world, serve }) => {
    await assert.rejects(serve({ listen: world.open }), brokerError('EACCES'))
    const server = await serve({ listen: world.open, users: [{ name: 'sensor', password: 'secret' }] })
    assert.ok(server.address)
  })

  on('a port that is taken is told', async ({ serve }) => {
    const { address } = await serve()
    await assert.rejects(serve({ listen: address }), brokerError('EADDRINUSE'))
  })

  on(
    'resource exhaustion (CWE-400): a payload may have maxBytes octets; who sends more is cut off, and it is not told',
    async ({ told, serve, enter }) => {
      const server = await serve({ maxBytes: 1000 })
      const device = await enter(server)
      assert.equal(await device.publish(message('x'.repeat(1000))), 'acknowledged')
      assert.equal(await device.publish(message('x'.repeat(1001), 1, 2)), 'closed')
      assert.equal(await (await enter(server)).publish(message('y')), 'acknowledged')
      assert.deepEqual(
        told.map((one) => one.payload.length),
        [1000, 1],
      )
    },
  )

  on(
    'resource exhaustion (CWE-400): at most maxClients are there at a time, and who leaves makes room',
    async ({ world, serve, enter }) => {
      const server = await serve({ maxClients: 2 })
      const one = await enter(server, { clientId: 'one' })
      const two = await enter(server, { clientId: 'two' })
      assert.equal(await world.device(server.address, { clientId: 'three' }), undefined)
      assert.equal(await one.publish(message('x')), 'acknowledged')
      await two.leave()
      await world.pass(100)
      const three = await enter(server, { clientId: 'three' })
      assert.equal(await three.publish(message('y')), 'acknowledged')
    },
  )

  on('what the broker itself says is not for devices to say', async ({ told, serve, enter }) => {
    const device = await enter(await serve())
    assert.equal(await device.publish({ ...message('x'), topic: '$SYS/broker/clients' }), 'closed')
    assert.deepEqual(told, [])
  })

  on('closing cuts everybody off at once, who says nothing, too, and frees the port', async ({ world, serve, enter }) => {
    const server = await serve()
    const device = await enter(server)
    await world.visitor(server.address)
    const closed = server.close().then(() => 'closed')
    assert.equal(await Promise.race([closed, world.pass(3000).then(() => 'still open')]), 'closed')
    assert.equal(await device.publish(message('x')), 'closed')
    assert.equal(await world.device(server.address, { clientId: 'late' }), undefined)
    const next = await serve({ listen: server.address })
    assert.equal(next.address, server.address)
    assert.equal(await (await enter(next)).publish(message('y')), 'acknowledged')
  })
}
