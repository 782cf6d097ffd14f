import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { createServer } from 'node:tls'
import { type Accepted, now, numbersIn, runOf } from './alert.ts'

/**
 * The relay that all peers send to, a process of its own: implicit TLS, AUTH PLAIN and LOGIN, PIPELINING, CHUNKING; one letter after the other on a
 * connection. It says of every letter that it took, as a line of JSON, when it answered 250 and which alerts are in it. `slow MS` on its
 * standard input makes it think so long about each letter, one of a run at a time.
 */
const [options = '{}'] = process.argv.slice(2)
const { host, port, cert, key } = JSON.parse(options) as { host: string; port: number; cert: string; key: string }
const keywords = ['PIPELINING', 'SIZE 10240000', 'AUTH PLAIN LOGIN', '8BITMIME', 'CHUNKING']
let thinkMs = 0

class Talk {
  readonly #socket: Socket
  #rest = ''
  #chunked = ''
  #content: string | undefined
  /** How much of a chunk is still to come, and whether the letter ends with it. */
  #chunk: { left: number; last: boolean } | undefined
  #login: 'user' | 'password' | undefined
  /** Answers leave in their order, whoever has to think. */
  #turn: Promise<void> | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => this.#hear(bytes.toString('latin1')))
    this.#say('220 relay.example.org ESMTP')
  }

  #hear(text: string): void {
    this.#rest += text
    while (this.#step()) {
      // As long as there is something whole.
    }
  }

  #step(): boolean {
    if (this.#chunk) return this.#takeChunk(this.#chunk)
    const inData = this.#content !== undefined
    const end = inData ? `\r\n${this.#rest}`.indexOf('\r\n.\r\n') : this.#rest.indexOf('\r\n')
    if (end < 0) return false
    const said = this.#rest.slice(0, end)
    this.#rest = this.#rest.slice(end + (inData ? 3 : 2))
    if (!inData) this.#command(said)
    else {
      this.#content = undefined
      this.#taken(said)
    }
    return true
  }

  #takeChunk(chunk: { left: number; last: boolean }): boolean {
    const part = this.#rest.slice(0, chunk.left)
    this.#rest = this.#rest.slice(part.length)
    this.#chunked += part
    chunk.left -= part.length
    if (chunk.left > 0) return false
    this.#chunk = undefined
    if (chunk.last) this.#taken(this.#chunked)
    else this.#say('250 2.0.0 go on')
    if (chunk.last) this.#chunked = ''
    return true
  }

  #command(line: string): void {
    const [verb = '', ...words] = line.toUpperCase().split(' ')
    if (this.#login) this.#say(this.#loggingIn(this.#login === 'user' ? 'password' : undefined))
    else if (verb === 'DATA') {
      this.#content = ''
      this.#say('354 go on')
    } else if (verb === 'BDAT') this.#chunk = { left: Number(words[0]), last: words[1] === 'LAST' }
    else if (verb === 'QUIT') {
      this.#say('221 2.0.0 bye')
      void (this.#turn ?? Promise.resolve()).then(() => this.#socket.end())
    } else this.#say(this.#answer(verb, words))
  }

  #answer(verb: string, words: readonly string[]): string {
    if (verb === 'EHLO')
      return ['relay.example.org', ...keywords].map((word, index) => `250${index < keywords.length ? '-' : ' '}${word}`).join('\r\n')
    if (verb === 'AUTH') return this.#loggingIn(words[0] !== 'LOGIN' ? undefined : words.length > 1 ? 'password' : 'user')
    return /^(HELO|MAIL|RCPT|RSET|NOOP)$/.test(verb) ? '250 2.0.0 ok' : '500 5.5.1 what?'
  }

  /** Asks for `next`, or is content. */
  #loggingIn(next: 'user' | 'password' | undefined): string {
    this.#login = next
    if (next === undefined) return '235 2.7.0 welcome'
    return next === 'user' ? '334 VXNlcm5hbWU6' : '334 UGFzc3dvcmQ6'
  }

  #taken(content: string): void {
    const messageId = /^message-id:\s*(<[^>]*>)/im.exec(content)?.[1] ?? ''
    const alerts = numbersIn(content)
    this.#say('250 2.0.0 queued', () => report({ at: now(), messageId, alerts }), thinkMs > 0 ? runOf(alerts[0] ?? '') : undefined)
  }

  /** `deed` is done as the answer leaves; after it was thought about, in the turn of `run`, unless whoever asked was gone by then. */
  #say(text: string, deed: () => void = () => {}, run?: string): void {
    const speak = () => {
      if (!this.#socket.destroyed) this.#socket.write(`${text}\r\n`)
      deed()
    }
    if (run === undefined && !this.#turn) {
      speak()
      return
    }
    const answered = (this.#turn ?? Promise.resolve()).then(async () => {
      if (run === undefined || (await think(run, this.#socket))) speak()
      if (this.#turn === answered) this.#turn = undefined
    })
    this.#turn = answered
  }
}

/** By run: when the letter in hand is done. */
const turns = new Map<string, Promise<unknown>>()

/** One letter of a run at a time, on whichever connection. What is in hand is taken, also when its client goes meanwhile; what waits behind is not. */
function think(run: string, socket: Socket): Promise<boolean> {
  const thought = (turns.get(run) ?? Promise.resolve()).then(async () => {
    if (socket.destroyed || socket.readableEnded) return false
    await new Promise((resolve) => setTimeout(resolve, thinkMs))
    return true
  })
  turns.set(run, thought)
  return thought
}

let waiting: Accepted[] = []
function report(letter: Accepted): void {
  if (waiting.push(letter) > 1) return
  setTimeout(() => {
    const lines = waiting.map((one) => `${JSON.stringify(one)}\n`).join('')
    waiting = []
    process.stdout.write(lines)
  }, 2)
}

const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => new Talk(socket))
server.on('tlsClientError', () => {})
server.listen({ host, port, backlog: 4096 }, () => process.stdout.write('ready\n'))
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const found = /^slow (\d+)$/.exec(line)
    if (found) thinkMs = Number(found[1])
  })
  .on('close', () => process.exit(0))
