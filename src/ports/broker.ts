/**
 * Broker: one MQTT session as a client, or a small broker of our own. One attempt each: connecting again is the source's business.
 *
 * The acknowledgement is the promise that `message` returns. `taken`: PUBACK (QoS 1) or PUBREC (QoS 2) goes out after it resolved, in the
 * order of arrival. `refused`: nothing goes out; the broker keeps the message and sends it again in the next session.
 */
export type BrokerMessage = {
  topic: string
  payload: Uint8Array
  qos: 0 | 1 | 2
  retain: boolean
  dup: boolean
  /** MQTT packet identifier; undefined for QoS 0. */
  packetId?: number
}

export type Taking = 'taken' | 'refused'

export type BrokerOptions = {
  /** mqtt:// or mqtts:// */
  url: string
  clientId: string
  /** 4 is MQTT 3.1.1 */
  version: 4 | 5
  username?: string
  password?: string
  ca?: string
  topics: string[]
  qos: 0 | 1 | 2
  keepaliveS: number
  /** Messages that the broker may have unacknowledged in the air (MQTT 5 receive maximum). */
  receiveMaximum: number
  sessionExpiryS: number
  /** Takes no session over and leaves none behind; retained messages are not asked for where the protocol allows it. */
  clean?: boolean
  connectTimeoutMs: number
  presence?: Presence
}

/**
 * Told by us when we come and when we go, and by the broker when we vanish (retained, QoS 1). It is no condition: a broker that does not let us
 * publish still gives us its messages.
 */
export type Presence = { topic: string; online: string; offline: string }

export type BrokerEvents = {
  /** The broker let us in; the subscription is still to be answered. */
  admitted?(): void
  /** Once: what the broker had stored for the session has been heard (MQTT 5 section 4.1), and what comes from now on is new. Where it knew none, before the subscription is answered. */
  caughtUp?(): void
  /** The broker was asked for a sign of life. */
  asked?(): void
  /** It gave the sign for which it was asked first. `all`: whatever it had for us when it was asked has been heard. */
  answered?(all: boolean): void
  message(message: BrokerMessage): Promise<Taking>
  /** Once, when an established session is lost. Not after `close`. */
  closed(why: string): void
}

export interface BrokerSession {
  /** Whether the broker knew our session and will send again what we did not acknowledge. */
  readonly sessionPresent: boolean
  /** QoS 0: resolves when it was sent; QoS 1: when the broker has it. Rejects with BrokerError, also when the connection goes meanwhile. */
  publish(topic: string, payload: string, options?: { qos?: 0 | 1; retain?: boolean }): Promise<void>
  /** Waits for messages in the air to be acknowledged (at most 2 s), then DISCONNECT, which a silent broker does not hold up (2 s more). */
  close(): Promise<void>
}

export type BrokerUser = { name: string; password: string }

export type BrokerServerOptions = {
  /** host:port */
  listen: string
  /** Empty: anybody may connect, which is only allowed on a loopback address. */
  users: BrokerUser[]
  maxClients: number
  maxBytes: number
}

export type BrokerServerEvents = {
  /** A client publishes. `refused` closes that client's connection without an acknowledgement. */
  message(message: BrokerMessage & { clientId: string; user?: string }): Promise<Taking>
}

export interface BrokerServer {
  readonly address: string
  /** Cuts everybody off, and frees the port. */
  close(): Promise<void>
}

export interface Broker {
  /** Connects and subscribes (again when the broker has no session). Rejects with BrokerError. */
  connect(options: BrokerOptions, on: BrokerEvents): Promise<BrokerSession>
  /** Rejects with BrokerError, code EADDRINUSE when the port is taken. */
  serve(options: BrokerServerOptions, on: BrokerServerEvents): Promise<BrokerServer>
}

/** `kind` says who is to blame: the way there, the broker's answer, or our settings (refused subscription, bad password). */
export class BrokerError extends Error {
  override name = 'BrokerError'
  readonly kind: 'network' | 'refused' | 'subscription'
  readonly code: string
  constructor(kind: 'network' | 'refused' | 'subscription', code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.kind = kind
    this.code = code
  }
}
