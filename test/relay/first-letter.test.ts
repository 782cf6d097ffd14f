import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Letter } from '../../src/mail/letter.ts'
import { fly } from '../../src/relay/flight.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimNet } from '../sim/world/net.ts'
import { SimRandom } from '../sim/world/random.ts'
import { kind, SimRelay } from '../sim/world/relay.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** What is written at once becomes TLS records, which a server reads only as wholes. */
async function writesOf(letters: number, octets: number): Promise<string[]> {
  const writes: string[] = []
  const waiting = Array.from({ length: letters }, (_, index) => letterOf(index + 1, octets))
  await flyWith(waiting, (bytes) => writes.push(Buffer.from(bytes).toString()))
  return writes
}

const letterOf = (id: number, octets: number): Letter => ({
  id,
  messageId: `<o${id}@x>`,
  from: 'ps7@example.org',
  to: ['a@example.org'],
  content: Buffer.from(`Message-ID: <o${id}@x>\r\n\r\n${'x'.repeat(octets)}\r\n`),
})

async function flyWith(letters: readonly Letter[], written: (bytes: Uint8Array) => void): Promise<void> {
  const timeline = new Timeline()
  const relay = new SimRelay(timeline, new SimRandom(1))
  relay.faults = { ...kind }
  const net = new SimNet(timeline, relay)
  const connect = net.connect.bind(net)
  net.connect = async (target) => {
    const wire = await connect(target)
    const write = wire.write.bind(wire)
    wire.write = (bytes) => {
      written(bytes)
      return write(bytes)
    }
    return wire
  }
  const waiting = [...letters]
  let done = false
  const delivered: number[] = []
  void fly(
    net,
    new SimClock(timeline, 'boot'),
    new SimRandom(2),
    { id: 'r', host: 'relay', port: 25, security: 'none', auth: { kind: 'none' }, ehlo: 'x' },
    {
      next: async () => waiting.shift(),
      settle: (id, _, outcome) => outcome.kind === 'delivered' && delivered.push(id),
      known: { chunking: true, pipelining: true, together: true },
    },
  ).then(() => {
    done = true
  })
  await timeline.run(3_600_000, () => done)
  assert.deepEqual(
    delivered,
    letters.map(({ id }) => id),
  )
}

test('the first letter of many leaves in a write of its own, and the others together', async () => {
  const [hello = '', first = '', rest = ''] = await writesOf(30, 800)
  assert.match(hello, /^EHLO/)
  assert.match(first, /^MAIL FROM[\s\S]*BDAT[\s\S]*<o1@x>/)
  assert.doesNotMatch(first, /<o2@x>/)
  assert.match(rest, /^MAIL FROM[\s\S]*<o2@x>[\s\S]*<o30@x>/)
})

test('a few short letters leave together: a record costs 22 octets', async () => {
  const [, all = ''] = await writesOf(3, 100)
  assert.match(all, /<o1@x>[\s\S]*<o3@x>/)
})

test('a backlog of many octets leaves in as few writes', async () => {
  const writes = await writesOf(50, 2000)
  const [, first = '', ...rest] = writes
  assert.match(first, /^MAIL FROM[\s\S]*<o1@x>/)
  assert.doesNotMatch(first, /<o2@x>/)
  const octets = rest.join('').length
  assert.ok(octets > 64 * 1024, `${octets} octets behind the first letter`)
  assert.ok(rest.length <= Math.ceil(octets / (64 * 1024)) + 1, `${rest.length} writes`)
})

test('a large mail leaves between short letters, and is not copied for it', async () => {
  const short = (id: number) => letterOf(id, 100)
  const long = letterOf(2, 90_000)
  const writes: Uint8Array[] = []
  await flyWith([short(1), long, short(3), short(4)], (bytes) => writes.push(bytes))
  const own = writes.filter((bytes) => bytes.buffer === long.content.buffer)
  assert.equal(
    own.reduce((sum, bytes) => sum + bytes.length, 0),
    long.content.length,
  )
  assert.match(Buffer.concat(writes).toString(), /<o1@x>[\s\S]*<o2@x>[\s\S]*<o3@x>[\s\S]*<o4@x>/)
})
