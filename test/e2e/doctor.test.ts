import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import type { Step } from '../../src/relay/probe/probe.ts'
import { Authority, type Identity } from '../peers/authority.ts'
import { FakeRelay, type Script } from '../peers/fake-relay.ts'
import { missing } from '../peers/process.ts'

/** The doctor from the command line: values that were never saved, certificates of openssl, and a password that nobody may see. */
const outpost = new URL('../../bin/outpost', import.meta.url).pathname
const skip = missing('openssl')
const dir = mkdtempSync(`${tmpdir()}/outpost-doctor-`)
after(() => rmSync(dir, { recursive: true, force: true }))
const authority = skip ? undefined : new Authority(dir)
const nobody: Identity = { cert: '', key: '', fingerprint: '' }
const middle = authority ? new Authority(dir, 'Middle CA', authority) : undefined
const leaf = middle?.issue({ names: ['DNS:localhost'], commonName: 'relay', toDays: 9.5 }) ?? nobody
const box = middle?.selfSigned({ names: ['DNS:box.local'], commonName: 'box', toDays: 400.5 }) ?? nobody
const password = 'correct horse'
const ca = `${dir}/ca.pem`
writeFileSync(ca, authority?.pem ?? '')

type Told = { code: number | null; out: string; err: string }

function doctor(args: string[], { env = {}, input = '' }: { env?: Record<string, string>; input?: string } = {}): Promise<Told> {
  return new Promise((resolve, reject) => {
    const child = spawn(outpost, ['doctor', ...args], { cwd: dir, env: { ...process.env, ...env }, timeout: 60_000 })
    const told: Told = { code: null, out: '', err: '' }
    child.stdout.on('data', (bytes) => {
      told.out += bytes
    })
    child.stderr.on('data', (bytes) => {
      told.err += bytes
    })
    child.once('error', reject).once('close', (code) => resolve({ ...told, code }))
    child.stdin.end(input)
  })
}

async function withRelay(script: Script, story: (relay: FakeRelay, at: string[]) => Promise<void>): Promise<void> {
  const relay = await FakeRelay.start(script)
  try {
    await story(relay, ['--host', 'localhost', '--port', String(relay.port)])
  } finally {
    await relay.stop()
  }
}
const secrets = [password, Buffer.from(password).toString('base64'), Buffer.from(`\0ps7\0${password}`).toString('base64')]
const assertMasked = ({ out, err }: Told) => {
  for (const secret of secrets) assert.ok(!(out + err).includes(secret))
}

test('a relay that was never saved is walked to QUIT (limetech/dynamix#9); its certificates are told with the days that are left', {
  skip,
  timeout: 60_000,
}, async () => {
  await withRelay({ tls: leaf }, async (relay, at) => {
    const told = await doctor(
      [...at, '--user', 'ps7', '--ca', 'ca.pem', '--from', 'ps7@example.org', '--to', 'ops@example.org', '--transcript'],
      {
        env: { OUTPOST_SECRET_DOCTOR: password },
      },
    )
    assert.equal(told.code, 0, told.out + told.err)
    assert.match(told.out, /^relay unsaved: localhost:\d+, security starttls$/m)
    for (const step of ['DNS', 'TCP', 'greeting', 'EHLO', 'STARTTLS', 'TLS', 'AUTH', 'MAIL', 'RCPT', 'RSET', 'QUIT'])
      assert.match(told.out, new RegExp(`^ok {4}${step} +[\\d]+ ms {2}\\S`, 'm'))
    assert.match(told.out, /certificate of relay by Middle CA, 9 days left, to .*; that of relay must be renewed soon\.$/m)
    assert.match(told.out, /^ {28}certificate of relay \(localhost\), by Middle CA: 9 days left, /m)
    assert.match(told.out, /^ {28}certificate of Middle CA, by Test CA: (?:29|30) days left, /m)
    assert.match(told.out, /^ {28}C: AUTH PLAIN ‹secret›\n {28}S: 235 2\.7\.0 welcome$/m)
    assert.match(told.out, /^ {28}C: RCPT TO:<ops@example\.org>$/m)
    assertMasked(told)
    assert.ok(relay.inside.includes(secrets[2] ?? ''), 'the password did go to the relay')
  })
  assert.ok(!existsSync(`${dir}/data`), 'nothing was written')
})

test('the password may be piped in, is never an argument, and is asked for when it is missing', { skip, timeout: 60_000 }, async () => {
  await withRelay({ tls: leaf }, async (relay, at) => {
    const told = await doctor([...at, '--user', 'ps7', '--ca', ca], { input: `${password}\n` })
    assert.equal(told.code, 0, told.out + told.err)
    assert.ok(relay.inside.includes(secrets[2] ?? ''))
    assertMasked(told)
    assert.equal((await doctor([...at, '--user', 'ps7', '--password', password])).code, 2)
    const without = await doctor([...at, '--user', 'ps7', '--ca', ca])
    assert.equal(without.code, 2)
    assert.match(without.err, /OUTPOST_SECRET_DOCTOR/)
  })
})

test('a refused login exits 1; as JSON every step is a line, the last one with the cure', { skip, timeout: 60_000 }, async () => {
  await withRelay({ tls: leaf, answersInTls: { AUTH: `535 5.7.8 no ${password}` } }, async (_, at) => {
    const told = await doctor([...at, '--user', 'ps7', '--ca', ca, '--json'], { env: { OUTPOST_SECRET_DOCTOR: password } })
    assert.equal(told.code, 1)
    const steps: (Step & { relay: string })[] = told.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      steps.map((step) => [step.step, step.ok]),
      [...['DNS', 'TCP', 'greeting', 'EHLO', 'STARTTLS', 'TLS', 'EHLO'].map((step) => [step, true]), ['AUTH', false]],
    )
    const last = steps.at(-1)
    assert.match(last?.cure ?? '', /ps7 or its password is wrong/)
    assert.deepEqual(last?.transcript, ['C: AUTH PLAIN ‹secret›', 'S: 535 5.7.8 no ‹secret›'])
    assert.ok(steps.every((step) => step.relay === 'unsaved' && Array.isArray(step.facts)))
    assertMasked(told)
  })
})

test('the fingerprint that the doctor shows of a box on the LAN is the pin that lets it pass, saved or not', {
  skip,
  timeout: 60_000,
}, async () => {
  await withRelay({ tls: box }, async (relay, at) => {
    const before = await doctor(at)
    assert.equal(before.code, 1)
    const pin = /write "pin": \["([0-9A-F:]{95})"\]/.exec(before.out)?.[1] ?? ''
    assert.equal(pin, box.fingerprint)
    assert.match(before.out, /^ {28}certificate of box \(box\.local\), by itself: 400 days left/m)
    const pinned = await doctor([...at, '--pin', pin])
    assert.equal(pinned.code, 0, pinned.out)
    mkdirSync(`${dir}/saved`)
    const settings = (fingerprint: string) =>
      writeFileSync(
        `${dir}/saved/settings.json`,
        JSON.stringify({ relays: [{ id: 'box', host: 'localhost', port: relay.port, pin: [fingerprint] }] }),
      )
    settings(pin.replaceAll(':', '').toLowerCase())
    assert.equal((await doctor(['--relay', 'box', '--data', 'saved'])).code, 0)
    settings('ab'.repeat(32))
    const changed = await doctor(['--relay', 'box', '--data', 'saved'])
    assert.equal(changed.code, 1)
    assert.match(changed.out, new RegExp(`has the SHA-256 fingerprint ${pin}, but the pin is AB:AB:.*under pin`))
  })
})

test('what cannot be tried is refused with the flag to mend', { skip, timeout: 60_000 }, async () => {
  const wrong: [args: string[], says: RegExp][] = [
    [['--host', 'x', '--port', '587x'], /--port: There is "587x"/],
    [['--host', 'x', '--security', 'ssl'], /--security: .*tls, starttls, none/],
    [['--host', 'x y'], /--host: /],
    [['--host', 'relay.example.org', '--security', 'none', '--user', 'ps7'], /give the password away/],
    [['--host', 'x', '--pin', 'AA'], /--pin\[0\]: .*64 hexadecimal digits/],
    [['--host', 'x', '--ca', 'nowhere.pem'], /--ca: nowhere\.pem cannot be read/],
    [['--host', 'x', '--to', 'a@b\r\nDATA'], /--to: write a mail address/],
    [['--host', 'x', '--relay', 'y'], /--relay .* or --host/],
    [['--port', '25'], /--port goes with --host/],
  ]
  for (const [args, says] of wrong) {
    const told = await doctor(args, { env: { OUTPOST_SECRET_DOCTOR: password } })
    assert.equal(told.code, 2, `${args.join(' ')}: ${told.out}${told.err}`)
    assert.match(told.err, says)
  }
})
