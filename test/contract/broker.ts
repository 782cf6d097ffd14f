import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Broker,
  BrokerError,
  type BrokerMessage,
  type BrokerOptions,
  type BrokerSession,
  type Taking,
} from '../../src/ports/broker.ts'

/** A packet of ours that may be lost on the way, and the connection with it. */
export type Lost = 'acknowledgement' | 'subscription' | 'presence'

export type BrokerWorld = {
  broker: Broker
  /** Lets us in, and asks for `alerts/#` with QoS 2. */
  options: BrokerOptions
  /** A wrong password instead of the right one. */
  wrong: Partial<BrokerOptions>
  /** A topic filter that this user may not have. */
  forbidden: string
  /** A topic that this user may not publish to. */
  unwritable: string
  /** A device publishes; resolves when the broker has it. */
  publish(topic: string, payload: string, more?: { qos?: 0 | 1 | 2; retain?: boolean }): Promise<void>
  /** Payloads in the order in which their PUBACK or PUBREC reached the broker. */
  acknowledged(): string[]
  /** What we published, as another client of the broker hears it: topic and payload. */
  published(): string[]
  /** What is retained under a topic. */
  retained(topic: string): Promise<string | undefined>
  /** The next packet of this kind does not arrive, and the connection is lost, or carries nothing more. */
  lose(what: Lost, then?: 'cut' | 'silence'): void
  cut(): void
  /** From now on this connection carries nothing and does not end. */
  freeze(): void
  /** The broker loses all sessions, as a restart without a store does. */
  forget(): Promise<void>
  /** Nobody listens any more. */
  vanish(): Promise<void>
  pass(ms: number): Promise<void>
  done(): Promise<void>
}

/** A session and what it heard. `answer` decides over each message; without one it is taken at once. */
export class Listening {
  readonly heard: BrokerMessage[] = []
  readonly lost: string[] = []
  answer: (message: BrokerMessage) => Promise<Taking> = async () => 'taken'
  readonly #broker: Broker
  readonly #options: BrokerOptions

  constructor(broker: Broker, options: BrokerOptions) {
    this.#broker = broker
    this.#options = options
  }

  get payloads(): string[] {
    return this.heard.map((message) => Buffer.from(message.payload).toString())
  }

  connect(more: Partial<BrokerOptions> = {}): Promise<BrokerSession> {
    return this.#broker.connect(
      { ...this.#options, ...more },
      {
        message: (message) => {
          this.heard.push(message)
          return this.answer(message)
        },
        closed: (why) => this.lost.push(why),
      },
    )
  }
}

const brokerError = (kind: BrokerError['kind']) => (error: unknown) => {
  assert.ok(error instanceof BrokerError, `not a BrokerError: ${error}`)
  assert.equal(error.kind, kind, error.message)
  assert.ok(error.code.length > 0 && error.message.length > 10, 'it is told in words')
  return true
}

const payloadOf = (message: BrokerMessage) => Buffer.from(message.payload).toString()

type Scene = { world: BrokerWorld; until(what: string, so: () => boolean): Promise<void>; listen(): Listening }

/** What every Broker does as a client. */
export function brokerContract(name: string, make: () => Promise<BrokerWorld>, options: { skip: string | false } = { skip: false }): void {
  const on = (what: string, story: (scene: Scene) => Promise<void>) =>
    test(`${name}: ${what}`, { skip: options.skip, timeout: 30_000 }, async () => {
      const world = await make()
      const until = async (awaited: string, so: () => boolean) => {
        for (let i = 0; i < 400 && !so(); i++) await world.pass(10)
        assert.ok(so(), awaited)
      }
      try {
        await story({ world, until, listen: () => new Listening(world.broker, world.options) })
      } finally {
        await world.done()
      }
    })

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
