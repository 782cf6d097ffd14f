import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { failing, type Named, type RecordType, type Zone } from './zone.ts'

/**
 * A name server for tests, on loopback, UDP and TCP. It writes its octets by itself, and knows every way of answering badly. Names that do not stand in
 * its zone do not exist.
 */
export type Manner =
  /** The UDP answer does not fit; the TCP one does. */
  | 'truncates'
  /** …and nothing comes over TCP. */
  | 'truncates-for-ever'
  /** A wrong id, another question, a question instead of an answer, and then the right answer. */
  | 'with-strangers'
  /** Only the wrong ones. */
  | 'only-strangers'
  /** FORMERR to whoever says EDNS (RFC 6891 section 7). */
  | 'old'
  /** A CNAME, and not what it leads to. */
  | 'follows-nothing'

const codes: Record<RecordType, number> = { a: 1, cname: 5, mx: 15, txt: 16, aaaa: 28, tlsa: 52 }
const aliasesLimit = 12
const triesLimit = 10

export class DnsServer {
  readonly zone: Zone
  manner: Manner | undefined
  /** `MX example.org`, and `tcp MX example.org`, as they came. */
  readonly asked: string[] = []
  readonly #udp: Socket
  readonly #tcp: Server
  port = 0

  constructor(zone: Zone, manner?: Manner) {
    this.zone = zone
    this.manner = manner
    this.#udp = createSocket('udp4')
    this.#udp.on('message', (query, peer) => {
      for (const answer of this.#answers(query, 'udp')) this.#udp.send(answer, peer.port, peer.address)
    })
    this.#tcp = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        for (const answer of this.#answers(bytes.subarray(2), 'tcp')) {
          // In two pieces, as a network may have it.
          const framed = Buffer.concat([uint16(answer.length), answer])
          socket.write(framed.subarray(0, 5))
          setTimeout(() => socket.write(framed.subarray(5)), 5)
        }
      })
    })
  }

  static async start(zone: Zone, manner?: Manner): Promise<DnsServer> {
    for (let tries = 0; tries < triesLimit; tries++) {
      const server = new DnsServer(zone, manner)
      if (await server.#bind()) return server
    }
    throw new Error(`the TCP port beside the UDP port was taken, ${triesLimit} times`)
  }

  /** False: another program has the TCP port of the number that the UDP socket got. */
  async #bind(): Promise<boolean> {
    await new Promise<void>((resolve) => this.#udp.bind(0, '127.0.0.1', resolve))
    this.port = this.#udp.address().port
    const bound = await new Promise<boolean>((resolve) => {
      this.#tcp.once('error', () => resolve(false))
      this.#tcp.listen(this.port, '127.0.0.1', () => resolve(true))
    })
    if (!bound) this.#udp.close()
    return bound
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#udp.close(resolve))
    await new Promise((resolve) => this.#tcp.close(resolve))
  }

  *#answers(query: Buffer, by: 'udp' | 'tcp'): Generator<Buffer> {
    const question = readQuestion(query)
    if (!question) return
    this.asked.push(`${by === 'tcp' ? 'tcp ' : ''}${question.type.toUpperCase()} ${question.name}`)
    const fails = failing(this.zone[question.name], question.type)
    const { manner } = this
    if (fails === 'silent' || (manner === 'truncates-for-ever' && by === 'tcp')) return
    if (fails === 'garbage') yield Buffer.concat([query.subarray(0, 2), Buffer.from('8180000100010000000041')])
    else if (fails) yield header(query, question, { rcode: fails === 'servfail' ? 2 : 5 })
    else if (manner === 'old' && question.edns) yield header(query, question, { rcode: 1 })
    else if (by === 'udp' && manner?.startsWith('truncates')) yield header(query, question, { truncated: true })
    else {
      const answer = this.#answer(query, question)
      if (manner?.endsWith('strangers')) yield* strangers(query, question, answer)
      if (manner !== 'only-strangers') yield answer
    }
  }

  #answer(query: Buffer, question: Asked): Buffer {
    const records: Buffer[] = []
    let name = question.name
    let secure = true
    for (let steps = 0; steps <= aliasesLimit; steps++) {
      const named = this.zone[name]
      secure &&= named?.secure === true
      if (!named) return header(query, question, { rcode: 3, records, secure, denied: true })
      if (question.type === 'cname' || named.cname === undefined) {
        records.push(...recordsOf(name, named, question.type))
        return header(query, question, { records, secure, denied: records.length === 0 || named[question.type] === undefined })
      }
      records.push(...recordsOf(name, named, 'cname'))
      if (this.manner === 'follows-nothing') break
      name = named.cname
    }
    return header(query, question, { records, secure })
  }
}

type Asked = { name: string; type: RecordType; edns: boolean; wantsAd: boolean; end: number }

function readQuestion(query: Buffer): Asked | undefined {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const code = query.readUInt16BE(at + 1)
  const type = (Object.keys(codes) as RecordType[]).find((known) => codes[known] === code)
  const edns = query.readUInt16BE(10) === 1
  // The OPT record stands behind the question: its flags are the 8th and 9th octet of it (RFC 6891 section 6.1.2).
  const wantsDo = edns && (query.readUInt16BE(at + 5 + 7) & 0x8000) !== 0
  return type && { name: labels.join('.').toLowerCase(), type, edns, wantsAd: wantsDo || (query.readUInt16BE(2) & 0x20) !== 0, end: at + 5 }
}

type Reply = { rcode?: number; records?: Buffer[]; secure?: boolean; truncated?: boolean; denied?: boolean }

function header(
  query: Buffer,
  question: Asked,
  { rcode = 0, records = [], secure = false, truncated = false, denied = false }: Reply,
): Buffer {
  const flags = 0x8180 | rcode | (truncated ? 0x0200 : 0) | (secure && question.wantsAd ? 0x0020 : 0)
  const soa = denied ? [record('', 6, Buffer.concat([nameOf('ns.test'), nameOf('hostmaster.test'), Buffer.alloc(20)]))] : []
  const opt = question.edns ? [Buffer.from([0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0])] : []
  return Buffer.concat([
    query.subarray(0, 2),
    uint16(flags),
    uint16(1),
    uint16(truncated ? 0 : records.length),
    uint16(soa.length),
    uint16(opt.length),
    query.subarray(12, question.end),
    ...(truncated ? [] : records),
    ...soa,
    ...opt,
  ])
}

function recordsOf(owner: string, named: Named, type: RecordType): Buffer[] {
  const data = {
    a: () => (named.a ?? []).map((address) => Buffer.from(address.split('.').map(Number))),
    aaaa: () => (named.aaaa ?? []).map(ipv6),
    cname: () => (named.cname === undefined ? [] : [nameOf(named.cname)]),
    mx: () => (named.mx ?? []).map(([preference, exchange]) => Buffer.concat([uint16(preference), nameOf(exchange)])),
    txt: () =>
      (named.txt ?? []).map((strings) =>
        Buffer.concat(strings.map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]))),
      ),
    tlsa: () => (named.tlsa ?? []).map((one) => Buffer.concat([Buffer.from([one.usage, one.selector, one.matching]), one.data])),
  }[type]()
  return data.map((octets) => record(owner, codes[type], octets))
}

const record = (owner: string, type: number, data: Buffer): Buffer =>
  Buffer.concat([nameOf(owner), uint16(type), uint16(1), Buffer.from([0, 0, 1, 44]), uint16(data.length), data])

/** Answers that a forger would send: nobody may believe them. */
function* strangers(query: Buffer, question: Asked, answer: Buffer): Generator<Buffer> {
  const wrongId = Buffer.from(answer)
  wrongId.writeUInt16BE((wrongId.readUInt16BE(0) + 1) & 0xffff, 0)
  yield wrongId
  yield query
  const other = Buffer.from(header(query, question, { rcode: 3 }))
  other[13] = (other[13] ?? 0) ^ 0x02
  yield other
  yield Buffer.from([1])
}

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])

const nameOf = (name: string): Buffer =>
  Buffer.concat([
    ...name
      .split('.')
      .filter(Boolean)
      .map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ])

function ipv6(address: string): Buffer {
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => text.split(':').filter(Boolean)
  const middle = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length
  return Buffer.concat(
    [...groups(head), ...Array(middle).fill('0'), ...groups(tail ?? '')].map((group) => uint16(Number.parseInt(group, 16))),
  )
}
