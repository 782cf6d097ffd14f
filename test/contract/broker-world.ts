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
  /** How many were heard when it was said that no older one is left. */
  readonly caughtUp: number[] = []
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
        caughtUp: () => this.caughtUp.push(this.heard.length),
      },
    )
  }
}

export const brokerError = (kind: BrokerError['kind']) => (error: unknown) => {
  assert.ok(error instanceof BrokerError, `not a BrokerError: ${error}`)
  assert.equal(error.kind, kind, error.message)
  assert.ok(error.code.length > 0 && error.message.length > 10, 'it is told in words')
  return true
}

export const payloadOf = (message: BrokerMessage) => Buffer.from(message.payload).toString()

export type Scene = { world: BrokerWorld; until(what: string, so: () => boolean): Promise<void>; listen(): Listening }

/** Tells a story as a test, in a world of its own. */
export type On = (what: string, story: (scene: Scene) => Promise<void>) => void

export const storiesOf =
  (name: string, make: () => Promise<BrokerWorld>, skip: string | false): On =>
  (what, story) =>
    void test(`${name}: ${what}`, { skip, timeout: 30_000 }, async () => {
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
