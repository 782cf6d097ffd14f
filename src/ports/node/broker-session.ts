import { setTimeout as sleep } from 'node:timers/promises'
import type { MqttClient } from 'mqtt'
import { BrokerError, type BrokerEvents, type BrokerMessage, type BrokerSession, type Presence } from '../broker.ts'
import { type Log, sentence } from '../log.ts'
import type { IncomingStore } from './incoming-store.ts'
import { codeOf } from './limited.ts'
import { Soundings } from './soundings.ts'

/**
 * One MQTT session over the `mqtt` package: takes what comes, and acknowledges it in the order of its arrival.
 *
 * The package answers a QoS 2 PUBLISH with PUBREC when `customHandleAcks` lets it, which is waited for here. It hands over one packet at a time, and the next one when the callback of `handleMessage` is
 * called; waiting for the disk there would cost each QoS 1 message a sync of its own. So it is called back at once, and its PUBACK is kept back until the message is taken and those before it are answered.
 */
const farewellMs = 2000
/** Messages that are on their way to the disk; an MQTT 3.1.1 broker knows no receive maximum. */
const inAirLimit = 64

/** What the package calls to send; its types do not tell of it. */
type Sender = {
  _sendPacket(packet: { cmd: string; messageId?: number }, ...rest: [done?: (error?: Error) => void, ...more: unknown[]]): unknown
}

export class Session implements BrokerSession {
  sessionPresent = false
  readonly #client: MqttClient
  readonly #on: BrokerEvents
  readonly #log: Log
  #presence: Presence | undefined
  #open = false
  /** The connection is no more. */
  #gone = false
  /** Nothing is told any more. */
  #quiet = false
  #inAir = 0
  /** Whether a QoS 1 message is to be answered, by its packet identifier, until its PUBACK is asked for; and the last in turn. */
  readonly #unanswered = new Map<number, Promise<boolean>>()
  #turn: Promise<unknown> = Promise.resolve()
  readonly #soundings: Soundings
  /** Of what is in the air, what the broker waits for. */
  #inWindow = 0
  #whenRoom: (() => void) | undefined
  /** Who waits for the broker to take something. */
  readonly #waiting = new Set<(error: BrokerError) => void>()

  constructor(client: MqttClient, store: IncomingStore, on: BrokerEvents, log: Log) {
    this.#client = client
    this.#on = on
    this.#log = log
    this.#soundings = new Soundings({
      ping: () => client.sendPing(),
      inAir: () => this.#inWindow,
      asked: () => on.asked?.(),
      answered: (all) => on.answered?.(all),
      caughtUp: () => on.caughtUp?.(),
    })
    // Set afterwards: the package takes it as an option for MQTT 5 only, and asks it for both.
    client.options.customHandleAcks = (_topic, _payload, packet, done) => {
      if (packet.qos !== 2 || store.knows(packet)) return done(0, 0)
      // Without a PUBREC the broker sends the packet again in the next session.
      this.#inWindow++
      void this.take(packet).then((taken) => {
        this.#inWindow--
        return taken ? done(0, 0) : done(new Error('not taken'), 0)
      })
    }
    client.handleMessage = (packet, done) => {
      // A QoS 2 packet was taken when it came; this is its PUBREL.
      if (packet.qos === 2) return done()
      const taking = this.take(packet)
      const answer = this.#turn.then(() => taking)
      this.#turn = answer
      if (packet.qos === 1 && packet.messageId !== undefined) {
        this.#unanswered.set(packet.messageId, answer)
        this.#inWindow++
        void answer.then(() => this.#inWindow--)
      }
      void answer.then(() => this.#answered())
      if (this.#inAir < inAirLimit) done()
      else this.#whenRoom = () => done()
    }
    this.#holdAcknowledgements(client as unknown as Sender)
    // The package reports through events; without a listener they would end the process.
    client.on('error', (error) => this.#log('debug', 'mqtt: error', { why: sentence(error) }))
    client.on('packetsend', ({ cmd }) => {
      if (cmd === 'pingreq') this.#soundings.asked()
    })
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'pingresp') this.#soundings.answered()
      if (packet.cmd === 'publish' && packet.qos > 0) this.#soundings.heard()
    })
    client.on('close', () => this.#lost())
  }

  /** From now on a loss is told. `mayHaveStored`: so it is asked whether all of that has come. Throws when the connection is lost already. */
  begin(sessionPresent: boolean, mayHaveStored: boolean): void {
    if (this.#gone) throw new BrokerError('network', 'ECLOSED', 'the connection to the broker was lost at once')
    this.sessionPresent = sessionPresent
    this.#open = true
    if (mayHaveStored && this.#on.caughtUp) this.#soundings.catchUp()
  }

  /** A PUBACK leaves when its message is taken, and never when it is refused: the broker sends it again in the next session. */
  #holdAcknowledgements(client: Sender): void {
    const send = client._sendPacket.bind(client)
    client._sendPacket = (packet, done, ...more) => {
      const answer = packet.cmd === 'puback' && packet.messageId !== undefined ? this.#unanswered.get(packet.messageId) : undefined
      if (!answer) return send(packet, done, ...more)
      this.#unanswered.delete(packet.messageId ?? 0)
      void answer.then((taken) => {
        if (taken && !this.#gone) send(packet)
      })
      // For the package it has left: what comes behind it may be heard.
      return done?.()
    }
  }

  #answered(): void {
    const room = this.#whenRoom
    this.#whenRoom = undefined
    room?.()
  }

  /** True when the message may be acknowledged. Never rejects. */
  async take(packet: {
    topic: string
    payload: string | Buffer
    qos: 0 | 1 | 2
    retain: boolean
    dup: boolean
    messageId?: number | undefined
  }): Promise<boolean> {
    this.#inAir++
    try {
      const message: BrokerMessage = {
        topic: packet.topic.toString(),
        payload: typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload,
        qos: packet.qos,
        retain: packet.retain,
        dup: packet.dup,
        ...(packet.messageId === undefined ? {} : { packetId: packet.messageId }),
      }
      return (await this.#on.message(message)) === 'taken'
    } catch (error) {
      this.#log('error', 'mqtt: a message could not be taken', { why: sentence(error) })
      return false
    } finally {
      this.#inAir--
    }
  }

  /** The package would keep what it cannot send, and call nobody back when the connection goes. */
  async publish(topic: string, payload: string, { qos = 0, retain = false }: { qos?: 0 | 1; retain?: boolean } = {}): Promise<void> {
    if (this.#gone) throw new BrokerError('network', 'ECLOSED', 'the connection to the broker is gone')
    const lost = Promise.withResolvers<never>()
    this.#waiting.add(lost.reject)
    try {
      await Promise.race([this.#client.publishAsync(topic, payload, { qos, retain }), lost.promise])
    } catch (error) {
      if (error instanceof BrokerError) throw error
      throw new BrokerError('refused', codeOf(error), `the broker did not take what we published: ${sentence(error)}`, { cause: error })
    } finally {
      this.#waiting.delete(lost.reject)
    }
  }

  /** Says that we are there. Nobody waits for it: alerts come also from a broker that does not let us publish. */
  appear(presence: Presence): void {
    this.#presence = presence
    this.#tell(presence, 'online')
  }

  async close(): Promise<void> {
    if (this.#quiet) return
    this.#quiet = true
    this.#soundings.end()
    for (let waited = 0; this.#inAir > 0 && waited < farewellMs && !this.#gone; waited += 20) await sleep(20)
    // Of itself a broker says that we are gone only when we vanish.
    if (this.#presence && !this.#gone) this.#tell(this.#presence, 'offline')
    // DISCONNECT goes out when everything before it was answered; a broker that has fallen silent is not waited for.
    const ended = this.#client.endAsync().catch(() => {})
    const late = new AbortController()
    await Promise.race([ended, sleep(farewellMs, undefined, { signal: late.signal }).catch(() => {})])
    late.abort()
    this.#client.stream.destroy()
  }

  /** The attempt failed: nothing is told any more. */
  abandon(): void {
    this.#quiet = true
    this.#soundings.end()
    this.#client.end(true)
  }

  #tell(presence: Presence, state: 'online' | 'offline'): void {
    this.publish(presence.topic, presence[state], { qos: 1, retain: true }).catch((error) =>
      this.#log('warning', 'mqtt: our presence could not be told', { topic: presence.topic, why: sentence(error) }),
    )
  }

  #lost(): void {
    this.#gone = true
    this.#soundings.end()
    for (const reject of this.#waiting) reject(new BrokerError('network', 'ECLOSED', 'the connection to the broker was lost'))
    if (this.#quiet || !this.#open) return
    this.#quiet = true
    this.#client.end(true)
    this.#on.closed('the connection to the broker was lost')
  }
}
