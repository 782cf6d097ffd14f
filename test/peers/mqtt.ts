/** MQTT packets as octets, as far as a tap on the line has to understand them (MQTT 3.1.1 and 5, section 2.1). */
export const packet = { connect: 1, connack: 2, publish: 3, puback: 4, pubrec: 5, pubcomp: 7, subscribe: 8 } as const

export type Packet = { type: number; flags: number; body: Buffer; whole: Buffer }

/** Cuts a stream into packets. */
export class Packets {
  #rest: Buffer = Buffer.alloc(0)

  push(bytes: Uint8Array): Packet[] {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const found: Packet[] = []
    for (let next = this.#take(); next; next = this.#take()) found.push(next)
    return found
  }

  #take(): Packet | undefined {
    const length = variable(this.#rest, 1)
    if (!length || this.#rest.length < length.end + length.value) return undefined
    const whole = this.#rest.subarray(0, length.end + length.value)
    this.#rest = this.#rest.subarray(whole.length)
    const first = whole[0] ?? 0
    return { type: first >> 4, flags: first & 15, body: whole.subarray(length.end), whole }
  }
}

/** Of a PUBLISH: its number, when it has one, and its payload. */
export function published({ flags, body }: Packet, version: 4 | 5): { topic: string; packetId: number; payload: string } {
  const topicEnd = 2 + body.readUInt16BE(0)
  const topic = body.subarray(2, topicEnd).toString()
  const hasId = (flags & 6) !== 0
  const packetId = hasId ? body.readUInt16BE(topicEnd) : 0
  let at = topicEnd + (hasId ? 2 : 0)
  const properties = version === 5 ? variable(body, at) : undefined
  if (properties) at = properties.end + properties.value
  return { topic, packetId, payload: body.subarray(at).toString() }
}

/** A variable byte integer; undefined while it is not there as a whole. */
function variable(bytes: Buffer, from: number): { value: number; end: number } | undefined {
  let value = 0
  for (let i = 0; i < 4; i++) {
    const octet = bytes[from + i]
    if (octet === undefined) return undefined
    value += (octet & 127) * 128 ** i
    if (octet < 128) return { value, end: from + i + 1 }
  }
  throw new Error('a length of more than four octets')
}

const octets = (...parts: (number | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part)))
const word = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
const field = (text: string): Buffer => octets(word(Buffer.byteLength(text)), Buffer.from(text))

function whole(first: number, body: Buffer): Buffer {
  const length: number[] = []
  let rest = body.length
  do {
    length.push((rest % 128) + (rest > 127 ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return octets(first, Buffer.from(length), body)
}

/** CONNECT of MQTT 3.1.1 with a session that is kept. */
export function connectPacket(clientId: string, name?: string, password?: string): Buffer {
  const flags = (name === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40)
  const more = [name, password].filter((one) => one !== undefined).map(field)
  return whole(0x10, octets(field('MQTT'), 4, flags, word(60), field(clientId), ...more))
}

export type Sent = { topic: string; payload: string; qos: 0 | 1 | 2; retain?: boolean; packetId?: number; dup?: boolean }

export function publishPacket({ topic, payload, qos, retain = false, packetId = 1, dup = false }: Sent): Buffer {
  const first = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  return whole(first, octets(field(topic), ...(qos > 0 ? [word(packetId)] : []), Buffer.from(payload)))
}

export const pubrelPacket = (packetId: number): Buffer => whole(0x62, word(packetId))
export const disconnectPacket = (): Buffer => whole(0xe0, Buffer.alloc(0))
