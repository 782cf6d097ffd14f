import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pop3Client, Pop3Error } from '../../src/mailbox/pop3-client.ts'
import type { Net, Wire } from '../../src/ports/net.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A server that says these pieces, one for each time it is listened to. */
class Server implements Wire {
  readonly peer = 'server'
  tls: Wire['tls']
  said = ''
  isClosed = false
  readonly #pieces: Iterator<string>

  constructor(pieces: Iterable<string>) {
    this.#pieces = pieces[Symbol.iterator]()
  }

  async read(): Promise<Uint8Array | undefined> {
    const { value, done } = this.#pieces.next()
    return done ? undefined : Buffer.from(value)
  }

  async write(octets: Uint8Array): Promise<void> {
    this.said += `${Buffer.from(octets)}`
  }

  async startTls(): Promise<void> {
    this.tls = { protocol: 'TLSv1.3', cipher: 'x', resumed: false, chain: [] }
  }

  close(): void {
    this.isClosed = true
  }
}

const open = (server: Server, security: 'starttls' | 'none' = 'none') =>
  Pop3Client.open(
    { net: { connect: async () => server } as Partial<Net> as Net, clock: new SimClock(new Timeline(), 'boot') },
    { host: 'pop.example.org', port: 110, security, user: 'u', password: 'secret', trust: {} },
  )

test('response injection (CWE-295): answers in clear behind that to STLS end the connection, and no password is said', async () => {
  const server = new Server(['+OK\r\n', '+OK begin\r\n+OK\r\n+OK\r\n+OK\r\n1 forged\r\n.\r\n'])
  await assert.rejects(open(server, 'starttls'), Pop3Error)
  assert.ok(server.isClosed)
  assert.equal(server.said, 'STLS\r\n')
})

const hello = ['+OK\r\n', '+OK\r\n', '+OK\r\n']

/** A mailbox of so many mails, as a network hands its listing over. */
function* listing(mails: number): Generator<string> {
  yield '+OK\r\n'
  let text = ''
  for (let i = 1; i <= mails; i++) {
    text += `${i} uid-${i.toString().padStart(60, '0')}\r\n`
    if (text.length < 16_384) continue
    yield text
    text = ''
  }
  yield `${text}.\r\n`
}

test('of a mailbox of thirty thousand mails the newest are told, and how many there are', async () => {
  const box = await open(new Server([...hello, ...listing(30_000)]))
  const { newest, total } = await box.uids(4000)
  assert.equal(total, 30_000)
  assert.deepEqual([newest.length, newest[0]?.number, newest.at(-1)?.number], [4000, 26_001, 30_000])
  const few = await (await open(new Server([...hello, '+OK\r\n1 a\r\n', 'nonsense\r\n2 b\r', '\n.\r\n']))).uids(4000)
  assert.deepEqual(few, {
    newest: [
      { number: 1, uid: 'a' },
      { number: 2, uid: 'b' },
    ],
    total: 2,
  })
  assert.deepEqual(await (await open(new Server([...hello, '+OK\r\n.\r\n']))).uids(4000), { newest: [], total: 0 })
})

test('resource exhaustion (CWE-400): a listing without an end is left', async () => {
  const box = await open(new Server([...hello, ...listing(300_000)]))
  await assert.rejects(box.uids(4000), /more than \d+ mails.*[Aa]rchive/)
})
