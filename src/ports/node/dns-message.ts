/**
 * DNS messages (RFC 1035 section 4, EDNS0 as in RFC 6891). Pure. Node's own resolver says neither whether an answer was authenticated nor how
 * a chain of aliases ran, and DANE needs both.
 *
 * Whatever octets come in, reading ends: a pointer may only point backwards, a name has 255 octets at most, and every record takes octets.
 */
export const types = { A: 1, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28, OPT: 41, TLSA: 52 } as const
export type Type = 'A' | 'AAAA' | 'CNAME' | 'MX' | 'TXT' | 'TLSA'

/** RFC 6895 section 2.3. */
export const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const

const classIn = 1
const nameOctets = 255
const labelOctets = 63
/** Fits one frame of every link that is in use, so that no fragment gets lost. */
const udpOctets = 1232

export type Question = { id: number; name: string; type: Type; edns: boolean }

/** The octets of a query; undefined when `name` is no name: an empty or long label, more than 255 octets, a character beyond ASCII. */
export function queryOf({ id, name, type, edns }: Question): Uint8Array | undefined {
  const encoded = encodeName(name)
  if (!encoded) return undefined
  const head = Buffer.alloc(12)
  head.writeUInt16BE(id, 0)
  // RD: recursion is wanted. AD: we understand that bit in the answer (RFC 6840 section 5.7).
  head.writeUInt16BE(0x0120, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(edns ? 1 : 0, 10)
  const tail = Buffer.alloc(4)
  tail.writeUInt16BE(types[type], 0)
  tail.writeUInt16BE(classIn, 2)
  return Buffer.concat([head, encoded, tail, ...(edns ? [optRecord()] : [])])
}

/** OPT with DO: resolvers of before RFC 6840 tell what they verified only to whoever wants the signatures (RFC 3225). */
function optRecord(): Buffer {
  const record = Buffer.alloc(11)
  record.writeUInt16BE(types.OPT, 1)
  record.writeUInt16BE(udpOctets, 3)
  record.writeUInt16BE(0x8000, 7)
  return record
}

function encodeName(name: string): Buffer | undefined {
  const labels = name === '' ? [] : name.split('.')
  if (labels.some((label) => label.length === 0 || label.length > labelOctets || !/^[\x21-\x7e]+$/.test(label))) return undefined
  const encoded = Buffer.concat([...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])])
  return encoded.length > nameOctets ? undefined : encoded
}

export type Rdata =
  | { type: 'A' | 'AAAA'; address: string }
  | { type: 'CNAME'; target: string }
  | { type: 'MX'; preference: number; exchange: string }
  | { type: 'TXT'; text: string }
  | { type: 'TLSA'; usage: number; selector: number; matching: number; data: Uint8Array }

export type DnsRecord = { owner: string } & Rdata

export type Message = {
  id: number
  isResponse: boolean
  truncated: boolean
  authenticated: boolean
  rcode: number
  /** `name type class`, in small letters; several joined by commas. */
  question: string
  /** Answers of the types that are known here. */
  answers: DnsRecord[]
  /** The authority section holds an SOA: an empty answer is a denial (RFC 2308 section 2.2). */
  denied: boolean
}

export const questionText = (name: string, type: Type): string => `${name.toLowerCase()} ${types[type]} ${classIn}`

/** What a server sent; undefined when it is no DNS message. A truncated one may end anywhere after the question. */
export function messageOf(bytes: Uint8Array): Message | undefined {
  try {
    return read(new Reader(bytes))
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

class Malformed extends Error {}

function read(reader: Reader): Message {
  const id = reader.uint16()
  const flags = reader.uint16()
  const [questions, answers, authorities, additionals] = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()]
  const asked: string[] = []
  for (let i = 0; i < questions; i++) asked.push(`${reader.name()} ${reader.uint16()} ${reader.uint16()}`)
  const message: Message = {
    id,
    isResponse: (flags & 0x8000) !== 0 && (flags & 0x7800) === 0,
    truncated: (flags & 0x0200) !== 0,
    authenticated: (flags & 0x0020) !== 0,
    rcode: flags & 0x000f,
    question: asked.join(','),
    answers: [],
    denied: false,
  }
  if (message.truncated) return message
  for (let i = 0; i < answers; i++) {
    const { record } = readRecord(reader)
    if (record) message.answers.push(record)
  }
  for (let i = 0; i < authorities; i++) message.denied = readRecord(reader).type === types.SOA || message.denied
  for (let i = 0; i < additionals; i++) {
    const { type, ttl } = readRecord(reader)
    // The upper eight bits of the rcode (RFC 6891 section 6.1.3).
    if (type === types.OPT) message.rcode |= (ttl >>> 24) << 4
  }
  return message
}

function readRecord(reader: Reader): { type: number; ttl: number; record?: DnsRecord } {
  const owner = reader.name()
  const type = reader.uint16()
  const klass = reader.uint16()
  const ttl = reader.uint32()
  const end = reader.uint16() + reader.at
  const data = klass === classIn ? readData(reader, type, end) : undefined
  if (data && reader.at !== end) throw new Malformed()
  reader.skipTo(end)
  return { type, ttl, ...(data ? { record: { owner, ...data } } : {}) }
}

function readData(reader: Reader, type: number, end: number): Rdata | undefined {
  switch (type) {
    case types.A:
      return { type: 'A', address: [...reader.octets(4)].join('.') }
    case types.AAAA:
      return { type: 'AAAA', address: ipv6Of(reader.octets(16)) }
    case types.CNAME:
      return { type: 'CNAME', target: reader.name() }
    case types.MX:
      return { type: 'MX', preference: reader.uint16(), exchange: reader.name() }
    case types.TXT: {
      const strings: Buffer[] = []
      while (reader.at < end) strings.push(Buffer.from(reader.octets(reader.uint8())))
      return { type: 'TXT', text: Buffer.concat(strings).toString('latin1') }
    }
    case types.TLSA: {
      const [usage, selector, matching] = [reader.uint8(), reader.uint8(), reader.uint8()]
      return { type: 'TLSA', usage, selector, matching, data: reader.octets(end - reader.at) }
    }
    default:
      return undefined
  }
}

/** RFC 5952: the longest run of zero groups is `::`. */
function ipv6Of(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => (((octets[2 * index] ?? 0) << 8) | (octets[2 * index + 1] ?? 0)).toString(16))
  const runs = [...groups.join(':').matchAll(/\b0(?::0)+\b/g)].sort((one, other) => other[0].length - one[0].length)
  const run = runs[0]
  if (!run) return groups.join(':')
  const whole = groups.join(':')
  return `${whole.slice(0, run.index).replace(/:$/, '')}::${whole.slice(run.index + run[0].length).replace(/^:/, '')}`
}

class Reader {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  uint8(): number {
    return this.octets(1)[0] ?? 0
  }

  uint16(): number {
    return Buffer.from(this.octets(2)).readUInt16BE()
  }

  uint32(): number {
    return Buffer.from(this.octets(4)).readUInt32BE()
  }

  octets(count: number): Uint8Array {
    if (count < 0 || this.at + count > this.#bytes.length) throw new Malformed()
    this.at += count
    return Uint8Array.from(this.#bytes.subarray(this.at - count, this.at))
  }

  skipTo(end: number): void {
    this.octets(end - this.at)
  }

  /** A name in small letters, without the last dot. Octets that are no letter, digit, hyphen or underscore stand as \DDD. */
  name(): string {
    const labels: string[] = []
    let octets = 1
    /** Where the name goes on after its first pointer. */
    let after: number | undefined
    let begin = this.at
    for (;;) {
      const length = this.uint8()
      if (length === 0) break
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | this.uint8()
        if (target >= begin) throw new Malformed()
        after ??= this.at
        this.at = target
        begin = target
        continue
      }
      octets += length + 1
      if (length > labelOctets || octets > nameOctets) throw new Malformed()
      labels.push(labelText(this.octets(length)))
    }
    if (after !== undefined) this.at = after
    return labels.join('.')
  }
}

const labelText = (octets: Uint8Array): string =>
  Buffer.from(octets)
    .toString('latin1')
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, (odd) => `\\${String(odd.charCodeAt(0)).padStart(3, '0')}`)
