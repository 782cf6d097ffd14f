import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import type { Letter } from '../../src/mail/letter.ts'
import type { Tlsa } from '../../src/ports/names.ts'
import type { Net } from '../../src/ports/net.ts'
import { NodeClock } from '../../src/ports/node/clock.ts'
import { NodeNet } from '../../src/ports/node/net.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { dialogue } from '../../src/relay/dialogue/dialogue.ts'
import { fly } from '../../src/relay/flight.ts'
import type { Fault, Outcome } from '../../src/relay/outcome.ts'
import { type RelayOptions, tlsOptions } from '../../src/relay/relay.ts'
import { type Hosted, Hosts, type HostsOptions } from '../../src/relay/route/hosts.ts'
import { Authority, type Identity } from '../peers/authority.ts'
import { FakeRelay, type Script } from '../peers/fake-relay.ts'
import { missing } from '../peers/process.ts'
import type { Zone } from '../peers/zone.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimNames } from '../sim/world/names.ts'
import { SimRandom } from '../sim/world/random.ts'

/** From a recipient to the host of its domain: names and policies are told, sockets and handshakes are real. */
const skip = missing('openssl')
const dir = mkdtempSync(`${tmpdir()}/outpost-hosts-`)
after(() => rmSync(dir, { recursive: true, force: true }))
const authority = skip ? undefined : new Authority(dir)
const nobody: Identity = { cert: '', key: '', fingerprint: '' }
const issued = (...names: string[]): Identity => authority?.issue({ names }) ?? nobody
const alone = authority?.selfSigned({ names: ['DNS:whatever.invalid'] }) ?? nobody
const letter: Letter = {
  id: 1,
  to: ['ops@example.org'],
  messageId: '<o1@x>',
  from: 'ps7@example.net',
  content: Buffer.from('Subject: x\r\n\r\nWORD\r\n'),
}

const host = 'mx1.example.org'
const zone = (more: Zone = {}): Zone => ({
  'example.org': { mx: [[10, host]], secure: true },
  [host]: { a: ['127.0.0.1'], secure: true },
  ...more,
})

const policy = `version: STSv1\nmode: enforce\nmx: ${host}\nmax_age: 604800\n`
const sts = zone({ '_mta-sts.example.org': { txt: [['v=STSv1; id=a1;']] } })

class Way extends NodeNet {
  override request: Net['request'] = async ({ url }) => {
    assert.equal(url, 'https://mta-sts.example.org/.well-known/mta-sts.txt')
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: Buffer.from(policy) }
  }
}

class SetClock extends NodeClock {
  override synchronised(): 'yes' {
    return 'yes'
  }
}

async function hostsOf(names: Zone, options: Partial<HostsOptions> = {}): Promise<Hosts> {
  const disk = new SimDisk()
  await disk.makeDir('data')
  return Hosts.open({
    ports: { clock: new SetClock(), disk, log: () => {}, names: () => new SimNames(names), net: new Way(), random: new SimRandom(1) },
    dir: 'data',
    dns: [],
    port: 25,
    mtaSts: true,
    dane: true,
    ehlo: 'ps7.example.net',
    timeoutMs: 1000,
    ...(authority ? { ca: authority.pem } : {}),
    ...options,
  })
}

type Sent = { relay: FakeRelay; fault: Fault | undefined; outcomes: Outcome[]; transcript: string; options: RelayOptions }

/** One letter to the first host of example.org. */
async function send(script: Script, namesAt: (port: number) => Zone, change: Partial<RelayOptions> = {}): Promise<Sent> {
  const relay = await FakeRelay.start(script)
  try {
    const found = await (await hostsOf(namesAt(relay.port), { port: relay.port })).of('ops@example.org')
    assert.ok(found.kind === 'hosts', JSON.stringify(found))
    const [options] = found.relays
    assert.ok(options)
    const outcomes: Outcome[] = []
    const lines: string[] = []
    const waiting = [letter]
    const report = await fly(
      new Way(),
      new SetClock(),
      new NodeRandom(),
      { ...options, ...change },
      {
        next: async () => waiting.shift(),
        settle: (_, __, outcome) => void outcomes.push(outcome),
        transcript: (line) => void lines.push(line),
      },
    )
    return { relay, fault: report.fault, outcomes, transcript: lines.join('\n'), options }
  } finally {
    await relay.stop()
  }
}

const arrived = ({ fault, outcomes }: Sent) => {
  assert.equal(fault, undefined)
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['delivered'],
  )
}

/** The letter waits, and neither it nor its envelope was said to anybody. */
const waits = ({ fault, outcomes, relay }: Sent, stage: Fault['stage'], why: RegExp) => {
  assert.equal(fault?.stage, stage, fault?.why)
  assert.match(fault?.why ?? '', why)
  assert.equal(fault?.hint, undefined, 'nothing in the settings mends the host of others')
  assert.deepEqual(outcomes, [])
  assert.doesNotMatch(relay.clear + relay.inside, /MAIL|RCPT|WORD/)
}

test('a host that offers no STARTTLS gets the letter in clear', async () => {
  const sent = await send({ offers: ['SIZE 1000000'] }, () => zone())
  arrived(sent)
  assert.equal(sent.options.security, 'opportunistic')
  assert.match(sent.relay.clear, /WORD/)
})

test('a host that offers STARTTLS gets it encrypted, whoever vouches for it', { skip }, async () => {
  for (const tls of [alone, issued('DNS:elsewhere.example.com'), issued(`DNS:${host}`)]) {
    const sent = await send({ tls }, () => zone())
    arrived(sent)
    assert.equal(sent.relay.clear, 'EHLO ps7.example.net\r\nSTARTTLS\r\n')
    assert.match(sent.relay.inside, /WORD/)
  }
})

test('a host that offers STARTTLS and refuses it, or cannot do it, gets the letter in clear all the same', { skip }, async () => {
  const refused = await send({ tls: alone, answers: { STARTTLS: '454 4.7.0 TLS not available' } }, () => zone())
  arrived(refused)
  assert.equal(refused.relay.connections, 1)
  for (const handshake of ['hang-up', 'garbage'] as const) {
    const sent = await send({ tls: alone, handshake }, () => zone())
    arrived(sent)
    assert.equal(sent.relay.connections, 2)
    assert.match(sent.relay.clear, /WORD/)
    assert.match(sent.transcript, /Once more, in clear/)
  }
  const silent = await send({ tls: alone, handshake: 'silent' }, () => zone())
  waits(silent, 'tls', /longer than/)
  assert.equal(silent.relay.connections, 1)
})

test('words put in front of the handshake end it: nothing is said to whoever did it', { skip }, async () => {
  const sent = await send({ tls: alone, answers: { STARTTLS: '220 go\n250 EVIL' } }, () => zone())
  waits(sent, 'starttls', /nobody had asked for/)
})

test('no login is ever said where nobody knows who listens, encrypted or not', { skip }, async () => {
  const auth = { kind: 'password', user: 'ps7', password: 'secret' } as const
  for (const script of [{ tls: alone }, {}]) {
    const sent = await send(script, () => zone(), { auth })
    assert.equal(sent.fault?.stage, script.tls ? 'tls' : 'auth')
    assert.doesNotMatch(sent.relay.clear + sent.relay.inside, /AUTH |MAIL/)
  }
  const relay: RelayOptions = { id: 'x', host, port: 25, security: 'opportunistic', auth: { kind: 'none' }, ehlo: 'x' }
  assert.equal(tlsOptions(relay).unverified, true)
  assert.equal(tlsOptions({ ...relay, auth }).unverified, undefined)
  for (const security of ['tls', 'starttls', 'none'] as const) assert.equal(tlsOptions({ ...relay, security }).unverified, undefined)
})

test('a dialogue that is opportunistic never looks at what login is offered', () => {
  const talk = dialogue({
    ehlo: 'x',
    security: 'opportunistic',
    login: { kind: 'password', user: 'u', password: 'p' },
    nonce: 'n',
    loopback: true,
    capMs: 1000,
    known: { together: true, pipelining: true },
  })
  const replies = [
    { code: 220, text: 'relay' },
    { code: 250, text: 'relay\nPIPELINING\nAUTH PLAIN' },
  ]
  const said: string[] = []
  let step = talk.next()
  while (!step.done) {
    if (step.value.kind === 'say') said.push(step.value.text)
    const reply = step.value.kind === 'hear' ? replies.shift() : undefined
    step = talk.next(reply ? { reply } : { done: true })
  }
  assert.deepEqual(said, ['EHLO x\r\n'])
  assert.equal(step.value.fault?.stage, 'auth')
  assert.equal(step.value.fault?.hold, true)
})

test('where an MTA-STS policy is enforced, the right certificate gets the letter, any other leaves it waiting', { skip }, async () => {
  const good = await send({ tls: issued(`DNS:${host}`) }, () => sts)
  arrived(good)
  assert.deepEqual([good.options.security, good.options.id], ['starttls', host])
  assert.match(good.relay.inside, /WORD/)
  waits(await send({ tls: issued('DNS:elsewhere.example.com') }, () => sts), 'tls', /is not for mx1\.example\.org/)
  waits(await send({ tls: alone }, () => sts), 'tls', /self-signed/)
  waits(await send({}, () => sts), 'starttls', /does not offer STARTTLS/)
})

const digest = (der: Uint8Array) => new Uint8Array(createHash('sha256').update(der).digest())
const described = ({ cert }: Identity): Tlsa => ({ usage: 3, selector: 0, matching: 1, data: digest(new X509Certificate(cert).raw) })
const signed = (port: number, tlsa: Tlsa[]): Zone => zone({ [`_${port}._tcp.${host}`]: { tlsa, secure: true } })

test('where DANE binds, the certificate that the DNS names gets the letter, any other leaves it waiting', { skip }, async () => {
  const own = described(alone)
  const good = await send({ tls: alone }, (port) => signed(port, [own]))
  arrived(good)
  assert.match(good.relay.inside, /WORD/)
  waits(await send({ tls: issued(`DNS:${host}`) }, (port) => signed(port, [own])), 'tls', /not the one that the DNS names/)
  waits(await send({}, (port) => signed(port, [own])), 'starttls', /does not offer STARTTLS/)
  // Records that cannot be used: TLS is a must, and any certificate will do.
  const odd = { ...own, usage: 1 }
  arrived(await send({ tls: issued('DNS:elsewhere.example.com') }, (port) => signed(port, [odd])))
  waits(await send({}, (port) => signed(port, [odd])), 'starttls', /does not offer STARTTLS/)
})

test('a certificate by the authority that the DNS names must bear the name of host or domain', { skip }, async () => {
  assert.ok(authority)
  const anchor: Tlsa = { usage: 2, selector: 0, matching: 0, data: new X509Certificate(authority.pem).raw }
  arrived(await send({ tls: issued(`DNS:${host}`) }, (port) => signed(port, [anchor])))
  waits(await send({ tls: issued('DNS:elsewhere.example.com') }, (port) => signed(port, [anchor])), 'tls', /bears none of the names/)
})

const idsOf = (found: Hosted) =>
  found.kind === 'hosts' ? found.relays.map(({ id, addresses = [] }) => [id, ...addresses].join(' ')) : [found.kind]

const two: Zone = {
  'example.org': {
    mx: [
      [10, 'mx1.example.org'],
      [20, 'mx2.example.org'],
    ],
  },
  'mx1.example.org': { a: ['192.0.2.1', '192.0.2.2'] },
  'mx2.example.org': { a: ['192.0.2.3'] },
}

test('a host that was found dead is left out until its rest is over; when all are, the letter waits until one may be tried', async () => {
  const hosts = await hostsOf(two)
  const first = await hosts.of('example.org')
  assert.deepEqual(idsOf(first), ['mx1.example.org 192.0.2.1 192.0.2.2', 'mx2.example.org 192.0.2.3'])
  assert.ok(first.kind === 'hosts')
  const [one, other] = first.relays
  assert.ok(one && other)
  hosts.failed(one, { stage: 'rcpt', why: 'no such user' })
  assert.equal(idsOf(await hosts.of('example.org')).length, 2)
  hosts.failed(one, { stage: 'connect', why: 'It does not answer.' })
  assert.deepEqual(idsOf(await hosts.of('example.org')), ['mx2.example.org 192.0.2.3'])
  hosts.failed(other, { stage: 'greeting', why: 'It is busy.' })
  const none = await hosts.of('example.org')
  assert.ok(none.kind === 'deferred' && none.until !== undefined && none.until > 0)
  assert.equal(none.why, 'It does not answer.')
  hosts.reached(other)
  assert.deepEqual(idsOf(await hosts.of('example.org')), ['mx2.example.org 192.0.2.3'])
  hosts.release()
  assert.equal(idsOf(await hosts.of('example.org')).length, 2)
})

test('an address literal is a host of its own, and this gateway is none of the hosts', async () => {
  const found = await (await hostsOf({})).of('ops@[IPv6:2001:db8::1]')
  assert.ok(found.kind === 'hosts')
  const { id, host: name, addresses, security } = found.relays[0] ?? {}
  assert.deepEqual(
    { id, name, addresses, security },
    { id: '[2001:db8::1]', name: '2001:db8::1', addresses: ['2001:db8::1'], security: 'opportunistic' },
  )
  const own = await (await hostsOf({ 'example.org': { mx: [[10, 'ps7.example.net']] } })).of('ops@example.org')
  assert.ok(own.kind === 'refused' && own.status === '5.4.6')
})
