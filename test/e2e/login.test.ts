import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import type { Letter } from '../../src/mail/letter.ts'
import { NodeClock } from '../../src/ports/node/clock.ts'
import { NodeNet } from '../../src/ports/node/net.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { Ended } from '../../src/relay/dialogue/ask.ts'
import { fly } from '../../src/relay/flight.ts'
import { type Login, logIn, type Mechanism } from '../../src/relay/login/login.ts'
import { xoauth2 } from '../../src/relay/login/sasl/bearer.ts'
import type { Fault, Reply } from '../../src/relay/outcome.ts'
import { ReplyReader } from '../../src/relay/reply.ts'
import { makeCertificates } from '../peers/certificates.ts'
import { MailServer } from '../peers/mail.ts'
import { readAll } from '../peers/pop3.ts'
import { freePort, missing, run, stop, until } from '../peers/process.ts'
import { TokenEndpoint } from '../peers/token-endpoint.ts'

/** Every way to log in, as a real Postfix and a real Dovecot offer it. */
const root = new URL('../..', import.meta.url).pathname
const skip = missing('postfix', 'dovecot', 'openssl') || (process.getuid?.() === 0 ? false : 'Postfix needs root')
const dir = mkdtempSync(`${tmpdir()}/outpost-login-`)
chmodSync(dir, 0o755)
const user = 'ps7@example.org'
const jwtKey = 'key of the provider'
let mail: MailServer
let tls: { ca: string; cert: string; key: string }

before(async () => {
  if (skip) return
  tls = makeCertificates(dir)
  mkdirSync(`${dir}/mail`)
  const ports = {
    submission: await freePort(),
    smtps: await freePort(),
    lmtp: await freePort(),
    auth: await freePort(),
    pop3: await freePort(),
  }
  mail = new MailServer(`${dir}/mail`, ports, tls, {
    logins: { mechanisms: 'plain login cram-md5 scram-sha-256 xoauth2 oauthbearer', jwtKey },
  })
  await mail.start()
})
after(async () => {
  if (skip) return
  await mail?.stop()
  rmSync(dir, { recursive: true, force: true })
})

/** How the relay says that somebody logged in. */
const methods = (): string[] =>
  [...readFileSync(`${dir}/mail/spool/mail.log`, 'utf8').matchAll(/sasl_method=([^,\s]+)/g)].map((found) => found[1] ?? '')

let letters = 0
async function send(auth: Login): Promise<{ fault: Fault | undefined; kinds: string[]; transcript: string }> {
  const id = ++letters
  const waiting: Letter[] = [
    {
      id,
      from: user,
      to: ['ops@example.org'],
      messageId: `<l${id}@x>`,
      content: Buffer.from(`From: <${user}>\r\nSubject: l${id}\r\n\r\nhello\r\n`),
    },
  ]
  const kinds: string[] = []
  let transcript = ''
  const relay = {
    id: 'isp',
    host: 'localhost',
    port: mail.ports.submission,
    security: 'starttls',
    ca: readFileSync(tls.ca, 'utf8'),
    auth,
    ehlo: 'ps7.example.net',
  } as const
  const { fault } = await fly(new NodeNet(), new NodeClock(), new NodeRandom(), relay, {
    next: async () => waiting.shift(),
    settle: (_, __, outcome) => void kinds.push(outcome.kind),
    transcript: (line) => {
      transcript += `${line}\n`
    },
  })
  return { fault, kinds, transcript }
}

const password = (only?: string): Login => ({ kind: 'password', user, password: 'smtp-secret', ...(only === undefined ? {} : { only }) })

for (const [only, method] of [
  [undefined, 'SCRAM-SHA-256'],
  ['scram-sha-256', 'SCRAM-SHA-256'],
  ['plain', 'PLAIN'],
  ['login', 'LOGIN'],
  ['cram-md5', 'CRAM-MD5'],
] as const)
  test(`${only ?? 'the best that is offered'}: Postfix and Dovecot let us in by ${method}`, { skip, timeout: 30_000 }, async () => {
    const { fault, kinds, transcript } = await send(password(only))
    assert.equal(fault, undefined)
    assert.deepEqual(kinds, ['delivered'])
    await until('the log has it', 5000, () => methods().length === letters)
    assert.equal(methods().at(-1), method)
    assert.doesNotMatch(transcript, /smtp-secret|c210cC1zZWNyZXQ|AHBzN0/)
  })

for (const only of ['scram-sha-256', 'plain', 'login', 'cram-md5'])
  test(`a wrong password by ${only} holds the relay`, { skip, timeout: 30_000 }, async () => {
    const { fault, kinds } = await send({ kind: 'password', user, password: 'wrong-secret', only })
    letters--
    assert.equal(fault?.stage, 'auth')
    assert.equal(fault?.hold, true)
    assert.equal(fault?.reply?.code, 535)
    assert.deepEqual(kinds, [])
  })

const nowS = (): number => Math.floor(Date.now() / 1000)
/** A token as the provider of this test signs it (RFC 7519). */
function jwt(lifeS: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: nowS() - 60, exp: nowS() + lifeS, sub: user, email: user })}`
  return `${text}.${createHmac('sha256', jwtKey).update(text).digest('base64url')}`
}

test('an access token lets us in by OAUTHBEARER; one that is over says so (prometheus/alertmanager#4342)', {
  skip,
  timeout: 30_000,
}, async () => {
  const { fault, kinds } = await send({ kind: 'token', user, token: jwt(60) })
  assert.equal(fault, undefined)
  assert.deepEqual(kinds, ['delivered'])
  await until('the log has it', 5000, () => methods().at(-1) === 'OAUTHBEARER')
  const old = jwt(-30)
  const refused = await send({ kind: 'token', user, token: old })
  letters--
  assert.equal(refused.fault?.token, true)
  assert.ok(!JSON.stringify(refused.fault).includes(old) && !refused.transcript.includes(old))
})

test('XOAUTH2, which some providers have alone, lets us in, too, and refuses a token that is over after its error was answered', {
  skip,
  timeout: 30_000,
}, async () => {
  assert.equal(await logInBy(xoauth2(user, jwt(60))), undefined)
  const fault = await logInBy(xoauth2(user, jwt(-30)))
  assert.equal(fault?.token, true)
  assert.equal(fault?.reply?.code, 535)
})

/** One login on the port with TLS from the first octet, by a mechanism of our choice. */
async function logInBy(mechanism: Mechanism): Promise<Fault | undefined> {
  const target = {
    host: 'localhost',
    port: mail.ports.smtps,
    tls: { serverName: 'localhost', ca: readFileSync(tls.ca, 'utf8') },
    timeoutMs: 5000,
  }
  const wire = await new NodeNet().connect(target)
  const replies = new ReplyReader()
  const hear = async (): Promise<Reply> => {
    for (;;) {
      const reply = replies.next()
      assert.ok(typeof reply !== 'string', String(reply))
      if (reply) return reply
      replies.push((await wire.read()) ?? assert.fail('the server hung up'))
    }
  }
  try {
    await hear()
    await wire.write(Buffer.from('EHLO ps7.example.net\r\n'))
    await hear()
    const talk = logIn(mechanism, user, 5000)
    let step = talk.next()
    while (!step.done) {
      if (step.value.kind === 'say') await wire.write(Buffer.from(step.value.text))
      step = talk.next(step.value.kind === 'hear' ? { reply: await hear() } : { done: true })
    }
    return undefined
  } catch (error) {
    if (error instanceof Ended) return error.fault
    throw error
  } finally {
    wire.close()
  }
}

/** A command that needs the provider: this process must go on meanwhile. */
async function output(...argv: string[]): Promise<string> {
  const child = spawn(`${root}/bin/outpost`, argv, { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  for await (const bytes of child.stdout) text += bytes
  return text
}

test('the gateway fetches a token, fetches another when the relay does not want it any more, and keeps the changed refresh token', {
  skip,
  timeout: 120_000,
}, async () => {
  const provider = new TokenEndpoint(tls)
  const data = `${dir}/data`
  let gateway: ChildProcess | undefined
  let log = ''
  try {
    let count = 0
    provider.answer = (form) => {
      assert.equal(form.get('client_secret'), 'client-secret')
      if (form.get('refresh_token') !== `refresh-${count}`) return { status: 400, body: '{"error":"invalid_grant"}' }
      count++
      // The first one is over sooner than its provider says.
      const body = { access_token: jwt(count === 1 ? 6 : 600), token_type: 'Bearer', expires_in: 3600, refresh_token: `refresh-${count}` }
      return { status: 200, body: JSON.stringify(body) }
    }
    const tokenUrl = await provider.start()
    mkdirSync(data)
    writeFileSync(
      `${data}/settings.json`,
      JSON.stringify({
        site: { domain: 'ps7.example.net' },
        broker: { enabled: false },
        people: [{ id: 'ops', address: 'ops@example.org' }],
        mail: { from: user },
        relays: [
          {
            id: 'isp',
            host: 'localhost',
            port: mail.ports.smtps,
            security: 'tls',
            ca: tls.ca,
            auth: {
              kind: 'oauth2',
              user,
              tokenUrl,
              clientId: 'outpost',
              clientSecret: { secret: 'client' },
              refreshToken: { secret: 'refresh' },
            },
          },
        ],
      }),
    )
    writeFileSync(`${data}/secrets.json`, JSON.stringify({ client: 'client-secret', refresh: 'refresh-0' }), { mode: 0o600 })
    gateway = spawn(`${root}/bin/outpost`, ['run', '--data', data], { stdio: ['ignore', 'ignore', 'pipe'] })
    gateway.stderr?.on('data', (bytes) => {
      log += bytes
    })
    await until('the gateway is ready', 20_000, () => log.includes('gateway: ready'))
    const arrived = async (word: string) =>
      (await readAll(mail.ports.pop3, 'ops@example.org', 'pop-secret')).some((one) => one.includes(word))
    run(`${root}/bin/outpost`, ['send', '--to', 'ops', '--data', data], 'first with a token')
    await until('the first letter has arrived', 15_000, () => arrived('first with a token'))
    const issued = nowS()
    await until('the token is over', 10_000, () => nowS() > issued + 7)
    run(`${root}/bin/outpost`, ['send', '--to', 'ops', '--data', data], 'second with a token')
    await until('the second letter has arrived', 45_000, () => arrived('second with a token'))
    assert.match(log, /a new one is fetched/)
    assert.equal(count, 2)
    assert.equal(JSON.parse(readFileSync(`${data}/secrets.json`, 'utf8')).refresh, 'refresh-2')
    assert.equal(statSync(`${data}/secrets.json`).mode & 0o777, 0o600)
    assert.match(await output('doctor', '--relay', 'isp', '--data', data), /ok {4}token.*\n(?:.*\n)*ok {4}AUTH.*OAUTHBEARER/)
    assert.equal(count, 3, 'doctor has changed the refresh token under the gateway')
    assert.doesNotMatch(log, /refresh-\d|client-secret|eyJ/)
  } finally {
    await stop(gateway)
    await provider.stop()
  }
})
