/** What aedes keeps for a subscriber: a PUBLISH until it is acknowledged, or the PUBREL that came in its place. */
export type Packet = {
  cmd?: string
  topic?: string
  payload?: string | Buffer
  messageId?: number | undefined
  brokerId?: string
  brokerCounter?: number
}

export type QueueLimits = {
  /** Of one client. */
  messages: number
  /** Of one client, and of all of them together. */
  octets: number
  allOctets: number
  /** How long a message is kept. */
  ms: number
}

type Kept = { packet: Packet; octets: number; at: number }

/** Beside topic and payload, by measure: a packet and its place in a queue. */
const overheadOctets = 512

/**
 * Broker queues: what the embedded broker keeps for subscribers with a session until they acknowledge it, bounded: of a client that never comes back the
 * oldest messages go first. `now` in ms on any scale that goes forward.
 */
export class BrokerQueues {
  readonly #limits: QueueLimits
  readonly #now: () => number
  readonly #dropped: (client: string) => void
  readonly #queues = new Map<string, { kept: Kept[]; octets: number }>()
  #octets = 0

  constructor(limits: QueueLimits, now: () => number, dropped: (client: string) => void) {
    this.#limits = limits
    this.#now = now
    this.#dropped = dropped
  }

  /** The same packet for each of these clients. */
  add(clients: readonly string[], packet: Packet): void {
    // What aedes hands over is a part of all that came at once, and would keep the whole of it.
    const payload = alone(packet.payload)
    const octets = overheadOctets + payload.length + Buffer.byteLength(packet.topic ?? '')
    for (const client of clients) {
      const queue = this.#queues.get(client) ?? { kept: [], octets: 0 }
      this.#queues.set(client, queue)
      queue.kept.push({ packet: { ...packet, payload, messageId: undefined }, octets, at: this.#now() })
      queue.octets += octets
      this.#octets += octets
      while (queue.kept.length > this.#limits.messages || queue.octets > this.#limits.octets) this.#drop(client)
    }
    for (let oldest = this.#oldest(); oldest && this.#isTooMuch(oldest.at); oldest = this.#oldest()) this.#drop(oldest.client)
  }

  /** The number under which a packet leaves; or the PUBREL that takes its place. One that was dropped meanwhile is nobody's fault. */
  update(client: string, packet: Packet): void {
    const isRelease = packet.cmd === 'pubrel'
    const kept = this.#queues
      .get(client)
      ?.kept.find(({ packet: one }) =>
        isRelease
          ? one.messageId === packet.messageId
          : one.brokerId === packet.brokerId && one.brokerCounter === packet.brokerCounter && one.cmd !== 'pubrel',
      )
    if (!kept) return
    if (isRelease) kept.packet = packet
    else kept.packet.messageId = packet.messageId
  }

  /** It was acknowledged. */
  remove(client: string, messageId: number | undefined): Packet | undefined {
    const at = this.#queues.get(client)?.kept.findIndex(({ packet }) => packet.messageId === messageId) ?? -1
    return at < 0 ? undefined : this.#take(client, at)
  }

  /** Oldest first. */
  list(client: string): Packet[] {
    return this.#queues.get(client)?.kept.map(({ packet }) => packet) ?? []
  }

  /** Its session is over. */
  forget(client: string): void {
    this.#octets -= this.#queues.get(client)?.octets ?? 0
    this.#queues.delete(client)
  }

  #isTooMuch(at: number): boolean {
    return this.#octets > this.#limits.allOctets || this.#now() - at > this.#limits.ms
  }

  #oldest(): { client: string; at: number } | undefined {
    let found: { client: string; at: number } | undefined
    for (const [client, { kept }] of this.#queues) {
      const at = kept[0]?.at
      if (at !== undefined && at < (found?.at ?? Number.POSITIVE_INFINITY)) found = { client, at }
    }
    return found
  }

  #drop(client: string): void {
    this.#take(client, 0)
    this.#dropped(client)
  }

  #take(client: string, at: number): Packet | undefined {
    const queue = this.#queues.get(client)
    const [taken] = queue?.kept.splice(at, 1) ?? []
    if (!queue || !taken) return undefined
    queue.octets -= taken.octets
    this.#octets -= taken.octets
    if (queue.kept.length === 0) this.#queues.delete(client)
    return taken.packet
  }
}

/** A copy that shares its memory with nothing. */
export function alone(payload: string | Uint8Array | undefined): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : (payload ?? Buffer.alloc(0))
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
