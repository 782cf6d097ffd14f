import type { SimRandom } from './random.ts'
import type { Timeline } from './timeline.ts'
import type { ServerEnd } from './wire.ts'

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
  /** Hangs up in the middle of a letter that has this in it. */
  chokesOn?: string
  /** Puts off a letter that has this in it. */
  putsOff?: string
  pipelining: boolean
  /** More than so many at once are told 421. */
  connections?: number
  /** `lies`: offers CHUNKING and does not know BDAT, as a proxy in front of the server may. */
  chunking: boolean | 'lies'
  /** Addresses whose mailbox is full. */
  full?: readonly string[]
  /** Addresses to which it passes on nothing for strangers; as Postfix, it says so at RCPT. */
  denied?: readonly string[]
  /** What it answers to every sender, and to every letter when its content is there. */
  sender?: string
  letter?: string
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
  /** Largest letter that it takes, in octets. */
  size = 100_000
  readonly taken: Taken[] = []
  readonly violations: string[] = []
  /** Message-IDs of letters whose content was here and that were answered 4yz. */
  readonly putOff = new Set<string>()
  /** When it said 4yz to an envelope, before it could know whose. */
  readonly putOffAt: number[] = []
  readonly refused = new Set<string>()
  /** Addresses that it turned away because it passes on nothing for strangers, each time. */
  readonly turnedAway: string[] = []
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

  get now(): number {
    return this.#timeline.now
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
  #nested = false
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
          faults.pipelining
            ? `250-relay\r\n250-PIPELINING\r\n${faults.chunking ? '250-CHUNKING\r\n' : ''}250 SIZE ${this.#relay.size}`
            : '250 relay',
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
          // The transaction before it was spoiled with this one on the wire already: it is put off like that one.
          this.#nested = true
          this.#say('503 nested MAIL')
          return
        }
        if (transient) {
          this.#relay.putOffAt.push(this.#relay.now)
          this.#say(transient)
          return
        }
        if (faults.sender !== undefined) {
          this.#say(faults.sender)
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
          this.#relay.putOffAt.push(this.#relay.now)
          this.#say(transient)
          return
        }
        if (faults.full?.includes(to)) {
          this.#say('452 4.2.2 mailbox full')
          return
        }
        if (faults.denied?.includes(to)) {
          this.#relay.turnedAway.push(to)
          this.#say(`554 5.7.1 <${to}>: Relay access denied`)
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
          this.#relay.putOffAt.push(this.#relay.now)
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
    if (this.#nested) this.#relay.putOff.add(messageId)
    this.#nested = false
    if (content.split('\r\n').some((line) => line.length > 998)) this.#relay.violations.push('a line over 998 octets')
    if (/\r(?!\n)|(?<!\r)\n/.test(content)) this.#relay.violations.push('a bare CR or LF in content')
    const take = () => {
      this.#relay.taken.push({ at: this.#timeline.now, messageId, to, content })
      this.#relay.onTaken()
    }
    if (faults.chokesOn !== undefined && content.includes(faults.chokesOn)) {
      this.#hangUp()
      return
    }
    const answer = faults.putsOff !== undefined && content.includes(faults.putsOff) ? '451 4.7.1 not now' : faults.letter
    if (answer !== undefined) {
      this.#relay.putOff.add(messageId)
      this.#say(answer)
      return
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
