import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { NetError } from '../../src/ports/net.ts'
import { NodeClock } from '../../src/ports/node/clock.ts'
import { NodeNet } from '../../src/ports/node/net.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import type { Stage } from '../../src/relay/outcome.ts'
import { type Envelope, probe, type Step } from '../../src/relay/probe/probe.ts'
import type { RelayOptions } from '../../src/relay/relay.ts'
import { Authority, type Identity } from '../peers/authority.ts'
import { FakeRelay, type Script } from '../peers/fake-relay.ts'
import { freePort, missing } from '../peers/process.ts'

/** What a technician is told, over real sockets: how far it goes, with what particulars, and the cure at the first fault. */
const skip = missing('openssl')
const dir = mkdtempSync(`${tmpdir()}/outpost-probe-`)
after(() => rmSync(dir, { recursive: true, force: true }))
const authority = skip ? undefined : new Authority(dir)
const stranger = skip ? undefined : new Authority(dir, 'Stranger')
const nobody: Identity = { cert: '', key: '', fingerprint: '' }
const local = ['DNS:localhost', 'IP:127.0.0.1']
const good = authority?.issue({ names: local, commonName: 'relay', toDays: 61 }) ?? nobody
const password = 'correct horse'
const base64 = (text: string) => Buffer.from(text).toString('base64')

const relayAt = (port: number, options: Partial<RelayOptions> = {}): RelayOptions => ({
  id: 'unsaved',
  host: 'localhost',
  port,
  security: 'starttls',
  ehlo: 'ps7.example.org',
  auth: { kind: 'password', user: 'ps7@example.org', password },
  timeoutMs: 400,
  ca: authority?.pem ?? '',
  ...options,
})

async function stepsOf(relay: RelayOptions, envelope: Envelope, net = new NodeNet()): Promise<Step[]> {
  const steps: Step[] = []
  for await (const step of probe({ net, clock: new NodeClock(), random: new NodeRandom() }, relay, envelope)) steps.push(step)
  return steps
}

async function probed(script: Script, options: Partial<RelayOptions> = {}, envelope: Partial<Envelope> = {}) {
  const relay = await FakeRelay.start(script)
  try {
    const steps = await stepsOf(relayAt(relay.port, { security: script.implicit ? 'tls' : 'starttls', ...options }), {
      mailFrom: 'ps7@example.org',
      rcptTo: 'ops@example.org',
      ...envelope,
    })
    const last = steps.at(-1)
    assert.ok(last)
    return { relay, steps, last, names: steps.map((step) => step.step) }
  } finally {
    await relay.stop()
  }
}

test('a good relay is walked to QUIT, each step with its time, and no letter is begun', { skip }, async () => {
  const { steps, names, relay } = await probed({ tls: good })
  assert.deepEqual(names, ['DNS', 'TCP', 'greeting', 'EHLO', 'STARTTLS', 'TLS', 'EHLO', 'AUTH', 'MAIL', 'RCPT', 'RSET', 'QUIT'])
  assert.ok(steps.every((step) => step.ok && step.ms >= 0 && step.cure === undefined && /[.\w)]$/.test(step.sentence)))
  assert.doesNotMatch(relay.inside, /DATA|BDAT/)
  assert.equal(relay.clear, 'EHLO ps7.example.org\r\nSTARTTLS\r\n')
})

test('with implicit TLS the handshake is a step of its own, before the greeting', { skip }, async () => {
  const { names, relay } = await probed({ tls: good, implicit: true })
  assert.deepEqual(names, ['DNS', 'TCP', 'TLS', 'greeting', 'EHLO', 'AUTH', 'MAIL', 'RCPT', 'RSET', 'QUIT'])
  assert.equal(relay.clear, '')
})

test('every certificate of the chain is told, with the days that are left', { skip }, async () => {
  assert.ok(authority)
  const leaf = new Authority(dir, 'Middle CA', authority).issue({ names: local, commonName: 'relay', toDays: 9.5 })
  const { steps } = await probed({ tls: leaf })
  const tls = steps.find((step) => step.step === 'TLS')
  assert.match(
    tls?.sentence ?? '',
    /^TLSv1\.3, \S+; certificate of relay by Middle CA, 9 days left, to 20\d\d-\d\d-\d\d; that of relay must be renewed soon\.$/,
  )
  assert.equal(tls?.facts.length, 2, 'what the server shows; the root is ours')
  assert.match(
    tls.facts[0] ?? '',
    /^certificate of relay \(localhost, 127\.0\.0\.1\), by Middle CA: 9 days left, .*; SHA-256 [0-9A-F:]{95}$/,
  )
  assert.match(tls.facts[1] ?? '', /^certificate of Middle CA, by Test CA: (29|30) days left/)
})

test('what is offered is told in words', { skip }, async () => {
  const { steps } = await probed({
    tls: good,
    offersInTls: ['SIZE 35882577', 'PIPELINING', 'CHUNKING', 'DSN', 'AUTH PLAIN XOAUTH2 SCRAM-SHA-256', 'X-OWN 1'],
  })
  const facts = steps.findLast((step) => step.step === 'EHLO')?.facts
  assert.deepEqual(facts, [
    'SIZE 35882577: takes letters of up to 35.9 MB',
    'PIPELINING: takes many commands in one round trip',
    'CHUNKING: takes letters as counted octets (BDAT)',
    'DSN: reports what becomes of a letter',
    'AUTH PLAIN XOAUTH2 SCRAM-SHA-256: login by password (PLAIN), OAuth 2 token (XOAUTH2), password that is not shown (SCRAM-SHA-256)',
    'X-OWN 1',
  ])
})

test('disclosure of secrets (CWE-532): the transcript is word for word, without the password in any form, even when the server repeats it', {
  skip,
}, async () => {
  const plain = base64(`\0ps7@example.org\0${password}`)
  const { steps, last } = await probed({
    tls: good,
    answersInTls: { AUTH: `535-5.7.8 you said ${plain}\n535-5.7.8 that is ${password}\n535 5.7.8 or ${base64(password)}\u001b[31m` },
  })
  assert.deepEqual(last.transcript, [
    'C: AUTH PLAIN ‹secret›',
    'S: 535-5.7.8 you said ‹secret›',
    'S: 535-5.7.8 that is ‹secret›',
    'S: 535 5.7.8 or ‹secret› [31m',
  ])
  assert.deepEqual(steps[3]?.transcript, [
    'C: EHLO ps7.example.org',
    'S: 250-relay.example.org',
    'S: 250-STARTTLS',
    'S: 250 AUTH PLAIN LOGIN',
  ])
  for (const secret of [plain, password, base64(password)]) assert.ok(!JSON.stringify(steps).includes(secret))
})

test('the steps of LOGIN are masked, too', { skip }, async () => {
  const { steps } = await probed({
    tls: good,
    offersInTls: ['AUTH LOGIN'],
    answersInTls: { AUTH: '334 UGFzc3dvcmQ6', [base64(password)]: '235 ok', [base64(password).toUpperCase()]: '235 ok' },
  })
  assert.deepEqual(steps.find((step) => step.step === 'AUTH')?.transcript, [
    'C: AUTH LOGIN ‹secret›',
    'S: 334 UGFzc3dvcmQ6',
    'C: ‹secret›',
    'S: 235 ok',
  ])
})

type Fall = {
  name: string
  script: () => Script
  options?: Partial<RelayOptions>
  at: [step: string, stage: Stage]
  says: RegExp
  cure: RegExp
  transcript?: RegExp
}
const falls: Fall[] = [
  {
    name: 'a greeting that refuses',
    script: () => ({ tls: good, greeting: '554 no service' }),
    at: ['greeting', 'greeting'],
    says: /554 no service/,
    cure: /takes no mail/,
    transcript: /S: 554 no service\n/,
  },
  {
    name: 'too many connections',
    script: () => ({ greeting: '421 4.7.0 too many connections' }),
    at: ['greeting', 'greeting'],
    says: /closes the connection/,
    cure: /by itself/,
  },
  {
    name: 'an IMAP server',
    script: () => ({ greeting: '* OK [CAPABILITY IMAP4rev1] ready' }),
    at: ['greeting', 'greeting'],
    says: /not SMTP: "\* OK/,
    cure: /IMAP/,
    transcript: /S: \* OK \[CAPABILITY/,
  },
  { name: 'a POP3 server', script: () => ({ greeting: '+OK ready' }), at: ['greeting', 'greeting'], says: /not SMTP/, cure: /POP3/ },
  {
    name: 'an LMTP server by its greeting',
    script: () => ({
      greeting: '220 box LMTP Dovecot ready',
      answers: { EHLO: '500 5.5.1 Unknown command', HELO: '500 5.5.1 Unknown command' },
    }),
    at: ['EHLO', 'ehlo'],
    says: /500/,
    cure: /LMTP/,
  },
  {
    name: 'a name that is not liked',
    script: () => ({ tls: good, answers: { EHLO: '501 bad name', HELO: '501 bad name' } }),
    at: ['EHLO', 'ehlo'],
    says: /501 bad name/,
    cure: /site\.domain/,
  },
  {
    name: 'an old server',
    script: () => ({ answers: { EHLO: '500 what' } }),
    at: ['STARTTLS', 'starttls'],
    says: /does not offer/,
    cure: /port 465/,
  },
  {
    name: 'a firewall that writes X',
    script: () => ({ tls: good, offers: ['XXXXXXXA'] }),
    at: ['STARTTLS', 'starttls'],
    says: /does not offer/,
    cure: /writes X over the offer/,
  },
  {
    name: 'no STARTTLS',
    script: () => ({ offers: ['SIZE'] }),
    at: ['STARTTLS', 'starttls'],
    says: /does not offer/,
    cure: /takes the offer away/,
  },
  {
    name: 'STARTTLS out of order',
    script: () => ({ tls: good, answers: { STARTTLS: '454 4.7.0 no' } }),
    at: ['STARTTLS', 'starttls'],
    says: /454/,
    cure: /certificate and key/,
  },
  {
    name: 'words in front of TLS',
    script: () => ({ tls: good, answers: { STARTTLS: '220 go\n250 evil' } }),
    at: ['TLS', 'tls'],
    says: /nobody had asked for/,
    cure: /nothing was sent/,
  },
  {
    name: 'a self-signed box',
    script: () => ({ tls: stranger?.selfSigned({ names: local, commonName: 'box' }) ?? nobody }),
    at: ['TLS', 'tls'],
    says: /self-signed/,
    cure: /"pin": \["[0-9A-F:]{95}"\]/,
  },
  {
    name: 'another name',
    script: () => ({ tls: authority?.issue({ names: ['DNS:mail.provider.test'] }) ?? nobody }),
    at: ['TLS', 'tls'],
    says: /not for localhost/,
    cure: /mail\.provider\.test/,
  },
  {
    name: 'the certificate of a portal',
    script: () => ({ tls: stranger?.selfSigned({ names: ['DNS:login.hotspot.test'] }) ?? nobody }),
    at: ['TLS', 'tls'],
    says: /self-signed/,
    cure: /portal, firewall or router/,
  },
  {
    name: 'an expired certificate',
    script: () => ({ tls: authority?.issue({ names: local, fromDays: -9, toDays: -2 }) ?? nobody }),
    at: ['TLS', 'tls'],
    says: /expired/,
    cure: /renew/,
  },
  {
    name: 'a login that is refused',
    script: () => ({ tls: good, answersInTls: { AUTH: '535 5.7.139 Authentication unsuccessful, basic authentication is disabled.' } }),
    at: ['AUTH', 'auth'],
    says: /535 5\.7\.139/,
    cure: /oauth2/,
  },
  {
    name: 'OAuth only',
    script: () => ({ tls: good, offersInTls: ['AUTH XOAUTH2'] }),
    at: ['AUTH', 'auth'],
    says: /offers XOAUTH2/,
    cure: /takes no passwords/,
  },
  {
    name: 'a sender that may not be used',
    script: () => ({ tls: good, answersInTls: { MAIL: '553 5.7.1 not owned by user' } }),
    at: ['MAIL', 'mail'],
    says: /553/,
    cure: /mail\.from/,
  },
  {
    name: 'greylisting',
    script: () => ({ tls: good, answersInTls: { RCPT: '451 4.7.1 Greylisted' } }),
    at: ['RCPT', 'rcpt'],
    says: /451/,
    cure: /Nothing needs to be done/,
    transcript: /C: RCPT TO:<ops@example\.org>\nS: 451 4\.7\.1 Greylisted/,
  },
  {
    name: 'relaying denied',
    script: () => ({ tls: good, answersInTls: { RCPT: '554 5.7.1 Relay access denied' } }),
    at: ['RCPT', 'rcpt'],
    says: /554/,
    cure: /passes on no mail/,
  },
  {
    name: 'a hang-up in the middle',
    script: () => ({ tls: good, answersInTls: { MAIL: '‹gone›' } }),
    at: ['MAIL', 'mail'],
    says: /hung up|broke/,
    cure: /again by itself/,
  },
  {
    name: 'silence in the middle',
    script: () => ({ tls: good, answersInTls: { MAIL: '‹silence›' } }),
    at: ['MAIL', 'mail'],
    says: /did not answer/,
    cure: /longer timeout/,
  },
]
for (const { name, script, options, at, says, cure, transcript } of falls)
  test(`${name}: the probe stops at ${at[0]} and says ${cure.source}`, { skip }, async () => {
    const { last, steps } = await probed(script(), options)
    assert.deepEqual([last.step, last.stage, last.ok], [...at, false])
    assert.match(last.sentence, says)
    assert.match(last.cure ?? '', cure)
    assert.ok(last.sentence.endsWith(last.cure ?? ''), 'the sentence has the cure in it')
    assert.ok(steps.slice(0, -1).every((step) => step.ok))
    if (transcript) assert.match(`${last.transcript.join('\n')}\n`, transcript)
  })

test('a certificate that is refused is told with its days and its fingerprint', { skip }, async () => {
  const box = stranger?.selfSigned({ names: ['DNS:box.local'], commonName: 'box', fromDays: -20, toDays: -3.5 }) ?? nobody
  const { last } = await probed({ tls: box })
  assert.match(
    last.facts[0] ?? '',
    new RegExp(`^certificate of box \\(box\\.local\\), by itself: expired 4 days ago, on .*; SHA-256 ${box.fingerprint}$`),
  )
  const { steps } = await probed({ tls: box }, { pins: [box.fingerprint] })
  assert.match(steps.find((step) => step.step === 'TLS')?.sentence ?? '', /expired 4 days ago.* It is the pinned one\.$/)
})

test('who refuses is bidden goodbye; who closed is not', { skip }, async () => {
  assert.match((await probed({ tls: good, answersInTls: { RCPT: '550 5.1.1 no such user' } })).relay.inside, /RCPT[^\n]*\nQUIT\r\n$/)
  assert.doesNotMatch((await probed({ tls: good, answersInTls: { RCPT: '421 closing' } })).relay.inside, /QUIT/)
})

test('a session of a flight does not hide what the server shows today', { skip }, async () => {
  const relay = await FakeRelay.start({ tls: good })
  const net = new NodeNet()
  try {
    for (let round = 0; round < 2; round++)
      assert.equal((await stepsOf(relayAt(relay.port), { mailFrom: 'a@example.org' }, net)).at(-1)?.ok, true)
    assert.deepEqual([relay.handshakes, relay.resumed], [2, 0])
  } finally {
    await relay.stop()
  }
})

test('TLS where a clear greeting was expected is found by a second look', { skip, timeout: 30_000 }, async () => {
  const { last } = await probed({ tls: good, implicit: true }, { security: 'starttls' })
  assert.deepEqual([last.step, last.ok], ['greeting', false])
  assert.match(last.cure ?? '', /speaks TLS from the first octet: write security "tls"/)
})

test('a clear greeting where TLS was expected is found, and shown', { skip, timeout: 30_000 }, async () => {
  const { last } = await probed({ tls: good, greeting: '220 mail.example.org ESMTP' }, { security: 'tls' })
  assert.deepEqual([last.step, last.ok], ['TLS', false])
  assert.match(last.cure ?? '', /begins in clear: write security "starttls"/)
  assert.deepEqual(last.transcript, ['S: 220 mail.example.org ESMTP'])
})

test('a captive portal on the mail port is found: it waits for a question and answers in HTTP', { skip, timeout: 60_000 }, async () => {
  const web = createServer((socket) =>
    socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 302 Found\r\nLocation: http://login.hotspot.test/\r\n\r\n')),
  )
  const port = await freePort()
  await new Promise<void>((resolve) => web.listen(port, '127.0.0.1', resolve))
  try {
    for (const security of ['starttls', 'tls'] as const) {
      const last = (await stepsOf(relayAt(port, { security }), { mailFrom: 'a@example.org' })).at(-1)
      assert.equal(last?.ok, false)
      assert.match(last.cure ?? '', /web server or portal answers .* log in to this network/)
      assert.deepEqual(last.transcript, ['S: HTTP/1.1 302 Found'])
    }
  } finally {
    await new Promise((resolve) => web.close(resolve))
  }
})

test('a closed port is told apart from one that is blocked, and both from a name that is not known', { skip }, async () => {
  const closed = (await stepsOf(relayAt(await freePort(), { host: '127.0.0.1' }), { mailFrom: 'a@example.org' })).at(-1)
  assert.deepEqual([closed?.step, closed?.stage], ['TCP', 'connect'])
  assert.match(closed?.cure ?? '', /is closed/)
  /** What a firewall that drops, and a name server without the name, look like from here. */
  class FarNet extends NodeNet {
    override async connect(): Promise<never> {
      throw new NetError('connect', 'ETIMEDOUT', '192.0.2.1 port 587 did not answer in 400 ms')
    }
  }
  const blocked = (await stepsOf(relayAt(587), { mailFrom: 'a@example.org' }, new FarNet())).at(-1)
  assert.match(blocked?.cure ?? '', /blocks port 587/)
  class LostNet extends NodeNet {
    override async resolve(host: string): Promise<never> {
      throw new NetError('dns', 'ENOTFOUND', `the name ${host} could not be looked up: ENOTFOUND`)
    }
  }
  const lost = (await stepsOf(relayAt(587), { mailFrom: 'a@example.org' }, new LostNet())).at(-1)
  assert.deepEqual([lost?.step, lost?.stage], ['DNS', 'dns'])
  assert.match(lost?.cure ?? '', /typing error/)
})

test('password in clear (CWE-319): without security none goes to another machine', { skip }, async () => {
  class AliasNet extends NodeNet {
    override async resolve(): Promise<string[]> {
      return ['127.0.0.1']
    }
  }
  for (const host of ['127.evil.example.org', 'relay.example.org']) {
    const relay = await FakeRelay.start({})
    try {
      const last = (await stepsOf(relayAt(relay.port, { host, security: 'none' }), { mailFrom: 'a@example.org' }, new AliasNet())).at(-1)
      assert.deepEqual([last?.step, last?.ok], ['AUTH', false])
      assert.match(last?.cure ?? '', /Set security/)
      assert.equal(relay.clear, 'EHLO ps7.example.org\r\n')
    } finally {
      await relay.stop()
    }
  }
})

test('SMTP command injection (CWE-93): an unsaved value with a line break says no second command', { skip }, async () => {
  const { last, relay } = await probed({ tls: good }, {}, { rcptTo: 'a@example.org>\r\nDATA\r\n' })
  assert.deepEqual([last.step, last.ok], ['RCPT', false])
  assert.match(last.sentence, /line break/)
  assert.doesNotMatch(relay.inside, /DATA/)
})

test('whoever stops asking hangs up', { skip }, async () => {
  const relay = await FakeRelay.start({ tls: good })
  try {
    for await (const step of probe({ net: new NodeNet(), clock: new NodeClock(), random: new NodeRandom() }, relayAt(relay.port), {
      mailFrom: 'a@example.org',
    }))
      if (step.step === 'EHLO') break
    await relay.idle(5000)
  } finally {
    await relay.stop()
  }
})
