import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import fc from 'fast-check'
import { messageOf, queryOf } from '../../src/ports/node/dns-message.ts'
import { NodeNames, serverOf } from '../../src/ports/node/names.ts'
import { DnsServer, type Manner } from '../peers/dns.ts'
import type { Zone } from '../peers/zone.ts'

const zone: Zone = {
  'example.org': { mx: [[10, 'mx.example.org']] },
  'many.example.org': {
    mx: Array.from({ length: 60 }, (_, index) => [index, `mx${index}.a-rather-long-name-of-a-host.example.org`] as const),
  },
  'alias.example.org': { cname: 'second.example.org', secure: true },
  'second.example.org': { cname: 'example.org', secure: true },
  'unsigned.example.org': { cname: 'signed.example.org' },
  'signed.example.org': { mx: [[10, 'mx.example.org']], secure: true },
  'to-nothing.example.org': { cname: 'gone.example.org' },
  'circle.example.org': { cname: 'circle2.example.org' },
  'circle2.example.org': { cname: 'circle.example.org' },
}

async function served(manner: Manner | undefined, story: (names: NodeNames, server: DnsServer) => Promise<void>): Promise<void> {
  const server = await DnsServer.start(zone, manner)
  try {
    await story(new NodeNames([server.address], { patienceMs: [200] }), server)
  } finally {
    await server.stop()
  }
}

test('an answer that does not fit into a datagram is fetched over TCP', () =>
  served('truncates', async (names, server) => {
    const looked = await names.mx('many.example.org')
    assert.equal(looked.kind === 'found' && looked.records.length, 60)
    assert.deepEqual(server.asked, ['MX many.example.org', 'tcp MX many.example.org'])
  }))

test('an answer that fits nowhere is a fault', () =>
  served('truncates-for-ever', async (names) => {
    const looked = await names.mx('many.example.org')
    assert.match(looked.kind === 'fault' ? looked.why : looked.kind, /did not answer/)
  }))

test('answers with another id or to another question are not believed; the right one still is', async () => {
  await served('with-strangers', async (names) => assert.equal((await names.mx('example.org')).kind, 'found'))
  await served('only-strangers', async (names) => assert.equal((await names.mx('example.org')).kind, 'fault'))
})

test('a server of before EDNS is asked without it', () =>
  served('old', async (names, server) => {
    assert.equal((await names.mx('example.org')).kind, 'found')
    assert.equal(server.asked.length, 2)
  }))

test('a server that does not follow aliases is asked for the rest, and not in a circle', () =>
  served('follows-nothing', async (names, server) => {
    const looked = await names.mx('alias.example.org')
    // The end of the chain is not signed, so the whole is not.
    assert.deepEqual(looked, {
      kind: 'found',
      name: 'example.org',
      records: [{ preference: 10, exchange: 'mx.example.org' }],
      authenticated: false,
    })
    assert.deepEqual(server.asked, ['MX alias.example.org', 'MX second.example.org', 'MX example.org'])
    // Nor is one that begins unsigned, though its end is.
    const unsigned = await names.mx('unsigned.example.org')
    assert.ok(unsigned.kind === 'found' && !unsigned.authenticated)
    assert.equal((await names.mx('to-nothing.example.org')).kind, 'nxdomain')
    assert.equal((await names.mx('circle.example.org')).kind, 'fault')
    assert.ok(server.asked.length < 20)
  }))

test('the next server is asked when one is silent or fails, and denials of the first are believed', async () => {
  const bad = await DnsServer.start({ 'example.org': { fails: 'servfail' }, 'silent.example.org': { fails: 'silent' } })
  const good = await DnsServer.start({
    'example.org': { mx: [[1, 'mx.example.org']] },
    'silent.example.org': { mx: [[2, 'mx.example.org']] },
  })
  try {
    const names = new NodeNames(['127.0.0.1:1', bad.address, good.address], { patienceMs: [100] })
    const [one, two] = await Promise.all([names.mx('example.org'), names.mx('silent.example.org')])
    assert.deepEqual([one.kind, two.kind], ['found', 'found'])
    assert.equal((await names.mx('nowhere.example.org')).kind, 'nxdomain')
    assert.ok(!good.asked.includes('MX nowhere.example.org'))
  } finally {
    await bad.stop()
    await good.stop()
  }
})

test('a server that cannot be reached, or none at all, is a fault with a sentence', async () => {
  const why = async (servers: string[], systemFile = '/dev/null') => {
    const looked = await new NodeNames(servers, { patienceMs: [100], systemFile }).mx('example.org')
    return looked.kind === 'fault' ? looked.why : looked.kind
  }
  assert.match(await why(['127.0.0.1:1']), /127\.0\.0\.1:1 cannot be reached: ECONNREFUSED/)
  assert.match(await why(['[::ffff:0:0]:53']), /\[::ffff:0:0\] (cannot be reached|did not answer)/)
  assert.match(await why([]), /no name server/)
})

test('without servers in the settings those of the system are asked, as its file has them now', async () => {
  const dir = mkdtempSync(`${tmpdir()}/outpost-names-`)
  const server = await DnsServer.start(zone)
  try {
    const systemFile = `${dir}/resolv.conf`
    const names = new NodeNames([], { patienceMs: [200], systemFile })
    assert.equal((await names.mx('example.org')).kind, 'fault')
    writeFileSync(systemFile, `# a comment\nsearch example.org\nnameserver nonsense\nnameserver ${server.address}\n`)
    assert.equal((await names.mx('example.org')).kind, 'found')
  } finally {
    await server.stop()
    rmSync(dir, { recursive: true })
  }
})

test('a server is an address, with or without a port', () => {
  assert.deepEqual(serverOf('192.0.2.53'), { address: '192.0.2.53', port: 53 })
  assert.deepEqual(serverOf('192.0.2.53:5353'), { address: '192.0.2.53', port: 5353 })
  assert.deepEqual(serverOf('2001:db8::53'), { address: '2001:db8::53', port: 53 })
  assert.deepEqual(serverOf('[2001:db8::53]:5353'), { address: '2001:db8::53', port: 5353 })
  for (const no of ['dns.example.org', '192.0.2.53:0', '192.0.2.53:99999', '', '[::1', '1.2.3']) assert.equal(serverOf(no), undefined, no)
})

test('every question has its own id and its own port', async () => {
  const seen: { id: number; port: number }[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, peer) => {
    seen.push({ id: query.readUInt16BE(0), port: peer.port })
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  try {
    const names = new NodeNames([`127.0.0.1:${socket.address().port}`], { patienceMs: [100] })
    await Promise.all(Array.from({ length: 20 }, () => names.mx('example.org')))
    assert.equal(seen.length, 20)
    assert.equal(new Set(seen.map(({ port }) => port)).size, 20)
    assert.ok(new Set(seen.map(({ id }) => id)).size > 15)
  } finally {
    socket.close()
  }
})

/** A response to the question for A of `a`, with one answer. */
const answered = (answer: string) => Buffer.from(`12348180000100010000000001610000010001${answer}`, 'hex')

test('a name whose pointers run in a circle, forward or past the end is no message', () => {
  assert.equal(messageOf(answered('c01300010001000000000004c0000201')), undefined, 'to itself')
  assert.equal(messageOf(answered('c0ff00010001000000000004c0000201')), undefined, 'forward')
  assert.equal(messageOf(answered('01c0')), undefined, 'cut off')
  assert.equal(messageOf(answered('80aa')), undefined, 'a label of no kind')
  const good = messageOf(answered('c00c00010001000000000004c0000201'))
  assert.deepEqual(good?.answers, [{ owner: 'a', type: 'A', address: '192.0.2.1' }])
})

test('data that is longer or shorter than it says is no message', () => {
  assert.equal(messageOf(answered('c00c00010001000000000005c000020100')), undefined)
  assert.equal(messageOf(answered('c00c00010001000000000003c00002')), undefined)
  assert.equal(messageOf(answered('c00c001000010000000000020561')), undefined)
})

test('odd octets in a name stand escaped, so that no name is taken for another', () => {
  const message = messageOf(answered('c00c000f0001000000000008000a04612e0a6200'))
  assert.deepEqual(message?.answers, [{ owner: 'a', type: 'MX', preference: 10, exchange: 'a\\046\\010b' }])
})

test('the upper bits of the response code are read from the OPT record', () => {
  const message = messageOf(Buffer.from('1234818000010000000000010161000001000100002904d0010000000000', 'hex'))
  assert.equal(message?.rcode, 16)
})

test('a question asks for recursion, and for what the server has verified, in the old way and in the new', () => {
  const query = Buffer.from(queryOf({ id: 0x1234, name: 'mx.example.org', type: 'TLSA', edns: true }) ?? [])
  // RD and AD (RFC 6840 section 5.7), one question, one OPT record of 1232 octets with DO.
  assert.equal(query.toString('hex'), '123401200001000000000001026d78076578616d706c65036f726700003400010000' + '2904d0000080000000')
  assert.equal(queryOf({ id: 1, name: 'a', type: 'A', edns: false })?.length, 19)
})

test('whatever octets come, reading them ends without an error', () => {
  const query = Buffer.from(queryOf({ id: 7, name: 'mx.example.org', type: 'MX', edns: true }) ?? [])
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(400), fc.nat(255), (noise, at, octet) => {
      messageOf(noise)
      const bent = Buffer.concat([query.subarray(0, 12), noise])
      if (at < bent.length) bent[at] = octet
      messageOf(bent)
    }),
    { numRuns: 3000 },
  )
})
