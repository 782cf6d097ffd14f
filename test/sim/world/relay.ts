import { type Net, NetError, type Target, type WebRequest, type WebResponse, type Wire, webAddress } from '../../../src/ports/net.ts'
import type { SimRandom } from './random.ts'
import type { Timeline } from './timeline.ts'

/** A letter that the relay took responsibility for. */
export type Taken = { at: number; messageId: string; to: string[]; content: string }

/** How often things go wrong, each once in so many times; 0 never. */
export type RelayFaults = {
  greeting: number
  silent: number
  hangUp: number
  later: number
  never: number
  diesAfterDot: number
  pipelining: boolean
  /** More than so many at once are told 421. */
  connections?: number
  /** `lies`: offers CHUNKING and does not know BDAT, as a proxy in front of the server may. */
  chunking: boolean | 'lies'
}

export const kind: RelayFaults = {
  greeting: 0,
  silent: 0,
  hangUp: 0,
  later: 0,
  never: 0,
  diesAfterDot: 0,
  pipelining: true,
  chunking: true,
}

/** A mail server on the timeline. It keeps what it took, and notes every breach of the protocol by its client. */
export class SimRelay {
  faults: RelayFaults = { ...kind }
  readonly taken: Taken[] = []
  readonly violations: string[] = []
  /** Message-IDs of letters whose content was here and that were answered 4yz. */
  readonly putOff = new Set<string>()
  readonly refused = new Set<string>()
  /** Connections at once, now and at most. */
  open = 0
  mostOpen = 0
  /** Called when it has taken a letter, before its answer is back. */
  onTaken: () => void = () => {}
  readonly #random: SimRandom
  readonly #timeline: Timeline

  constructor(timeline: Timeline, random: SimRandom) {
    this.#timeline = timeline
    this.#random = random
  }

  serve(wire: ServerEnd): void {
    this.open++
    this.mostOpen = Math.max(this.mostOpen, this.open)
    const { hangUp } = wire
    const talk = {
      ...wire,
      hangUp: () => {
        this.open--
        hangUp()
      },
    }
    new Talk(this, talk, this.#random, this.#timeline).begin()
    wire.onData = (bytes) => talk.onData(bytes)
  }
}

export type ServerEnd = { onData: (bytes: Uint8Array) => void; send(text: string): void; hangUp(): void }

class Talk {
  readonly #relay: SimRelay
  readonly #wire: ServerEnd
  readonly #random: SimRandom
  readonly #timeline: Timeline
  #buffer = ''
  #mail: string | undefined
  #to: string[] = []
  #content = false
  /** A chunk that is coming in: octets that are still to come, and what they are for. */
  #chunk: { left: number; last: boolean; wanted: boolean } | undefined
  #chunks = ''
  #stray = false
  #greeted = false
  #dead = false

  constructor(relay: SimRelay, wire: ServerEnd, random: SimRandom, timeline: Timeline) {
    this.#relay = relay
    this.#wire = wire
    this.#random = random
    this.#timeline = timeline
  }

  begin(): void {
    const { greeting, connections = Number.POSITIVE_INFINITY } = this.#relay.faults
    if (this.#relay.open > connections) {
      this.#end('421 4.7.0 too many connections')
      return
    }
    if (this.#chance(greeting)) {
      this.#end(this.#random.once(2) ? '554 no service' : '421 too busy')
      return
    }
    this.#wire.onData = (bytes) => {
      this.#buffer += Buffer.from(bytes).toString('latin1')
      this.#work()
    }
    this.#wire.send('220 relay\r\n')
  }

  #chance(times: number): boolean {
    return times > 0 && this.#random.once(times)
  }

  #work(): void {
    while (!this.#dead) {
      if (this.#chunk) {
        if (!this.#takeChunk(this.#chunk)) return
        continue
      }
      if (this.#content) {
        const end = `\r\n${this.#buffer}`.indexOf('\r\n.\r\n')
        if (end < 0) return
        const content = this.#buffer.slice(0, Math.max(0, end))
        this.#buffer = this.#buffer.slice(end + 3)
        this.#content = false
        this.#letter(content.replace(/^\.\./gm, '.'))
        continue
      }
      const end = this.#buffer.indexOf('\r\n')
      if (end < 0) return
      const line = this.#buffer.slice(0, end)
      this.#buffer = this.#buffer.slice(end + 2)
      this.#command(line)
    }
  }

  #command(line: string): void {
    const { faults } = this.#relay
    const verb = line.split(' ')[0]?.toUpperCase() ?? ''
    if (this.#buffer.includes('\r\n') && !faults.pipelining) this.#relay.violations.push(`said more than ${line} at once`)
    if (!this.#greeted && verb !== 'EHLO') this.#relay.violations.push(`${verb} before EHLO`)
    if (/[\r\n]/.test(line)) this.#relay.violations.push('a bare CR or LF')
    if (this.#chance(faults.silent)) {
      this.#dead = true
      return
    }
    if (this.#chance(faults.hangUp)) {
      this.#hangUp()
      return
    }
    const transient = this.#chance(faults.later) ? '451 4.3.0 not now' : undefined
    switch (verb) {
      case 'EHLO':
        this.#greeted = true
        this.#say(
          faults.pipelining ? `250-relay\r\n250-PIPELINING\r\n${faults.chunking ? '250-CHUNKING\r\n' : ''}250 SIZE 100000` : '250 relay',
        )
        return
      case 'BDAT': {
        if (faults.chunking !== true) {
          this.#stray = true
          this.#say('502 5.5.2 what')
          return
        }
        const [, size, last] = line.split(' ')
        const wanted = this.#mail !== undefined && this.#to.length > 0
        this.#chunk = { left: Number(size), last: last === 'LAST', wanted }
        return
      }
      case 'MAIL':
        if (this.#mail !== undefined) {
          this.#say('503 nested MAIL')
          return
        }
        if (transient) {
          this.#say(transient)
          return
        }
        this.#mail = line
        this.#to = []
        this.#say('250 ok')
        return
      case 'RCPT': {
        if (this.#mail === undefined) {
          this.#say('503 MAIL first')
          return
        }
        const to = /<(.*)>/.exec(line)?.[1] ?? ''
        if (this.#chance(faults.never)) {
          this.#say('550 5.1.1 no such user')
          return
        }
        if (transient) {
          this.#say(transient)
          return
        }
        this.#to.push(to)
        this.#say('250 ok')
        return
      }
      case 'DATA':
        if (this.#mail === undefined || this.#to.length === 0) {
          this.#say('554 no valid recipients')
          return
        }
        if (transient) {
          this.#say(transient)
          return
        }
        this.#content = true
        this.#say('354 go')
        return
      case 'RSET':
        this.#mail = undefined
        this.#say('250 ok')
        return
      case 'QUIT':
        this.#say('221 bye')
        this.#hangUp()
        return
      default:
        // The octets of a chunk that it did not know for one stand in front of the next command.
        if (this.#stray) {
          this.#stray = false
          this.#say('500 what')
          return
        }
        this.#relay.violations.push(`unknown command ${line}`)
        this.#say('500 what')
        return
    }
  }

  /** False when more octets are to come. A chunk that is not wanted is taken all the same, and thrown away (RFC 3030 section 2). */
  #takeChunk(chunk: { left: number; last: boolean; wanted: boolean }): boolean {
    if (this.#buffer.length < chunk.left) return false
    this.#chunks += this.#buffer.slice(0, chunk.left)
    this.#buffer = this.#buffer.slice(chunk.left)
    this.#chunk = undefined
    if (chunk.wanted && !chunk.last) this.#say('250 2.0.0 go on')
    else {
      const content = this.#chunks
      this.#chunks = ''
      if (chunk.wanted) this.#letter(content)
      else {
        this.#relay.putOff.add(/^Message-ID: (<.*>)$/im.exec(content)?.[1] ?? '')
        this.#say('554 5.5.1 no valid recipients')
      }
    }
    return true
  }

  #letter(content: string): void {
    const { faults } = this.#relay
    const messageId = /^Message-ID: (<.*>)$/im.exec(content)?.[1] ?? ''
    const to = this.#to
    this.#mail = undefined
    if (content.split('\r\n').some((line) => line.length > 998)) this.#relay.violations.push('a line over 998 octets')
    if (/\r(?!\n)|(?<!\r)\n/.test(content)) this.#relay.violations.push('a bare CR or LF in content')
    const take = () => {
      this.#relay.taken.push({ at: this.#timeline.now, messageId, to, content })
      this.#relay.onTaken()
    }
    if (this.#chance(faults.diesAfterDot)) {
      if (this.#random.once(2)) take()
      this.#hangUp()
      return
    }
    if (this.#chance(faults.later * 3)) {
      this.#relay.putOff.add(messageId)
      this.#say('452 4.3.1 full')
      return
    }
    if (this.#chance(faults.never * 2)) {
      this.#relay.refused.add(messageId)
      this.#say('554 5.7.1 not wanted')
      return
    }
    take()
    this.#say('250 2.0.0 queued')
  }

  #say(text: string): void {
    this.#wire.send(`${text}\r\n`)
  }

  #end(text: string): void {
    this.#say(text)
    this.#hangUp()
  }

  #hangUp(): void {
    this.#dead = true
    this.#wire.hangUp()
  }
}

/** The way to the relay: names, a link that comes and goes, a latency. */
export class SimNet implements Net {
  up = true
  latencyMs = 50
  dead = false
  /** Web servers by the origin of their address. */
  readonly webs = new Map<string, (request: WebRequest) => WebResponse>()
  /** When somebody tried to connect. */
  readonly tries: number[] = []
  readonly #timeline: Timeline
  readonly #relay: SimRelay
  readonly #wires = new Set<SimWire>()

  constructor(timeline: Timeline, relay: SimRelay) {
    this.#timeline = timeline
    this.#relay = relay
  }

  /** Resolves when what is under way has arrived. */
  drain(): Promise<void> {
    return new Promise((resolve) => void this.#timeline.at(this.latencyMs * 2, resolve))
  }

  /** Every connection breaks. */
  cut(): void {
    for (const wire of this.#wires) wire.break()
    this.#wires.clear()
  }

  /** Nothing comes through any more, and nobody is told. */
  stall(): void {
    for (const wire of this.#wires) wire.stall()
    this.#wires.clear()
  }

  connect(target: Target): Promise<Wire> {
    this.tries.push(this.#timeline.now)
    return new Promise((resolve, reject) => {
      this.#timeline.at(this.up ? this.latencyMs * 2 : 1000, () => {
        if (this.dead) return
        if (!this.up) return reject(new NetError('dns', 'EAI_AGAIN', `the name ${target.host} could not be looked up`))
        const wire = new SimWire(this.#timeline, this.latencyMs)
        this.#wires.add(wire)
        this.#relay.serve(wire.server)
        resolve(wire)
      })
    })
  }

  /** TCP, TLS and the question: four turns of the line. */
  async request(request: WebRequest): Promise<WebResponse> {
    const { origin, hostname } = webAddress(request.url)
    await new Promise<void>((resolve) => this.#timeline.at(this.up ? this.latencyMs * 8 : 1000, () => !this.dead && resolve()))
    if (!this.up) throw new NetError('dns', 'EAI_AGAIN', `the name ${hostname} could not be looked up: EAI_AGAIN`)
    const response = this.webs.get(origin)?.(request)
    if (!response) throw new NetError('connect', 'ECONNREFUSED', `${origin} cannot be reached: ECONNREFUSED`)
    if (response.body.length > request.maxBytes)
      throw new NetError('stream', 'EFBIG', `${hostname} answered with more than ${request.maxBytes} octets`)
    return response
  }

  async connectPath(): Promise<Wire> {
    throw new NetError('connect', 'ENOENT', 'no such socket')
  }

  async listenPath(path: string): Promise<{ address: string; close(): Promise<void> }> {
    return { address: path, close: async () => {} }
  }

  async resolve(host: string): Promise<string[]> {
    return [host]
  }
}

class SimWire implements Wire {
  readonly peer = 'relay'
  readonly tls = undefined
  readonly server: ServerEnd
  readonly #timeline: Timeline
  readonly #latencyMs: number
  #chunks: Uint8Array[] = []
  #ended = false
  #broken = false
  #stalled = false
  #closed = false
  #wake: (() => void) | undefined

  constructor(timeline: Timeline, latencyMs: number) {
    this.#timeline = timeline
    this.#latencyMs = latencyMs
    const later = (call: () => void) => void timeline.at(latencyMs, () => !this.#broken && !this.#stalled && call())
    this.server = {
      onData: () => {},
      send: (text) => later(() => this.#arrive(Buffer.from(text))),
      hangUp: () =>
        later(() => {
          this.#ended = true
          this.#wake?.()
        }),
    }
  }

  stall(): void {
    this.#stalled = true
  }

  break(): void {
    this.#broken = true
    this.#wake?.()
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk) return chunk
      if (this.#closed || this.#ended) return undefined
      if (this.#broken) throw new NetError('stream', 'ECONNRESET', 'the connection broke')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#broken || this.#closed) throw new NetError('stream', 'ECONNRESET', 'the connection broke')
    const copy = bytes.slice()
    this.#timeline.at(this.#latencyMs, () => !this.#broken && !this.#stalled && this.server.onData(copy))
  }

  async startTls(): Promise<void> {}

  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  #arrive(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
    this.#wake?.()
  }
}
