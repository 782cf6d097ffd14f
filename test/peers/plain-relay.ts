import { createServer, type Server, type Socket } from 'node:net'

/** A letter as it came: octets as Latin-1, dots undoubled (RFC 5321 section 4.5.2). */
export type Taken = { from: string; to: string[]; content: string }

/**
 * A mail server as small as one can be, on 127.0.0.1: no TLS, no login, one command at a time. With `offers` it answers EHLO with those keywords;
 * without, it is one of those that know HELO only. `say` may answer a command in its own way.
 */
export class PlainRelay {
  readonly letters: Taken[] = []
  readonly #offers: readonly string[] | undefined
  readonly #say: ((command: string) => string | undefined) | undefined
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  constructor(options: { offers?: readonly string[]; say?: (command: string) => string | undefined } = {}) {
    this.#offers = options.offers
    this.#say = options.say
  }

  async start(port: number): Promise<void> {
    const server = createServer((socket) => this.#greet(socket))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve(undefined)))
  }

  #greet(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    const hearing = new Hearing(this.#offers, this.#say, (letter) => void this.letters.push(letter))
    socket.on('data', (bytes) => {
      const answer = hearing.hear(bytes.toString('latin1'))
      if (answer !== '') socket.write(answer, 'latin1')
      if (hearing.over) socket.end()
    })
    socket.write('220 plain relay\r\n')
  }
}

/** What one client has said so far. */
class Hearing {
  over = false
  readonly #offers: readonly string[] | undefined
  readonly #say: ((command: string) => string | undefined) | undefined
  readonly #take: (letter: Taken) => void
  #rest = ''
  #letter: Taken = { from: '', to: [], content: '' }
  #inContent = false

  constructor(
    offers: readonly string[] | undefined,
    say: ((command: string) => string | undefined) | undefined,
    take: (letter: Taken) => void,
  ) {
    this.#offers = offers
    this.#say = say
    this.#take = take
  }

  hear(text: string): string {
    this.#rest += text
    let answer = ''
    while (!this.over) {
      const end = this.#inContent ? `\r\n${this.#rest}`.indexOf('\r\n.\r\n') : this.#rest.indexOf('\r\n')
      if (end < 0) return answer
      const said = this.#rest.slice(0, end)
      this.#rest = this.#rest.slice(end + (this.#inContent ? 3 : 2))
      answer += this.#inContent ? this.#content(said) : this.#command(said)
    }
    return answer
  }

  #content(said: string): string {
    this.#inContent = false
    this.#take({ ...this.#letter, content: said.replace(/^\.(?=[^\r\n])/gm, '') })
    return '250 taken\r\n'
  }

  #command(line: string): string {
    const own = this.#say?.(line)
    if (own !== undefined) return own
    const [verb = ''] = line.toUpperCase().split(/[ :]/)
    const address = /<(.*?)>/.exec(line)?.[1] ?? ''
    switch (verb) {
      case 'HELO':
      case 'RSET':
        return '250 ok\r\n'
      case 'EHLO':
        if (!this.#offers) return '500 what?\r\n'
        return ['plain relay', ...this.#offers].map((text, index, all) => `250${index === all.length - 1 ? ' ' : '-'}${text}\r\n`).join('')
      case 'MAIL':
        this.#letter = { from: address, to: [], content: '' }
        return '250 ok\r\n'
      case 'RCPT':
        this.#letter.to.push(address)
        return '250 ok\r\n'
      case 'DATA':
        this.#inContent = true
        return '354 go on\r\n'
      case 'QUIT':
        this.over = true
        return '221 bye\r\n'
      default:
        return '500 what?\r\n'
    }
  }
}
