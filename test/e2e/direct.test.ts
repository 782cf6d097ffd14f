import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { makeCertificates } from '../peers/certificates.ts'
import { dkimpy } from '../peers/dkim.ts'
import { Dnsmasq } from '../peers/dnsmasq.ts'
import { Outpost } from '../peers/outpost.ts'
import { PlainRelay } from '../peers/plain-relay.ts'
import { makePostfix, postfix } from '../peers/postfix.ts'
import { freePort, missing, run, until } from '../peers/process.ts'

/** Delivery without a relay: the names of a real dnsmasq lead to a real Postfix, and dkimpy verifies what came through it. */
const skip = missing('dnsmasq', 'postfix', 'openssl', 'dkimverify') || (process.getuid?.() === 0 ? false : 'Postfix and dnsmasq need root')
const dir = mkdtempSync(`${tmpdir()}/outpost-direct-`)
chmodSync(dir, 0o755)
const program = new URL('../../bin/outpost', import.meta.url).pathname
const sink = new PlainRelay({ offers: ['PIPELINING', '8BITMIME'] })
const ends: (() => Promise<unknown>)[] = []

after(async () => {
  for (const end of ends.reverse()) await end()
  rmSync(dir, { recursive: true, force: true })
})

async function startMx(port: number): Promise<void> {
  const tls = makeCertificates(dir)
  const sinkPort = await freePort()
  await sink.start(sinkPort)
  ends.push(() => sink.stop())
  mkdirSync(`${dir}/mx`)
  const main = `myhostname = mx.recipient.test
inet_interfaces = 127.0.0.1
virtual_mailbox_domains = recipient.test
virtual_transport = smtp:[127.0.0.1]:${sinkPort}
smtpd_tls_cert_file = ${tls.cert}
smtpd_tls_key_file = ${tls.key}
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_relay_restrictions = reject_unauth_destination
`
  makePostfix(`${dir}/mx`, main, `127.0.0.1:${port} inet n - n - - smtpd\n`)
  await postfix(`${dir}/mx`, 'start')
  ends.push(() => postfix(`${dir}/mx`, 'abort'))
  await until('Postfix runs', 15_000, () => existsSync(`${dir}/mx/spool/pid/master.pid`))
}

type Said = { step: string; ok: boolean; sentence: string }
/** It fails as long as the record is missing, or the clock of this machine is not synchronised: what it says counts. */
const doctor = (data: string): Said[] =>
  spawnSync(program, ['doctor', '--json', '--data', data], {
    encoding: 'utf8',
    timeout: 60_000,
  })
    .stdout.split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))

test('a letter goes by MX to a server that asks for no login, over TLS, with a signature that others verify', {
  skip,
  timeout: 120_000,
}, async () => {
  const names = new Dnsmasq(await freePort())
  await names.start()
  ends.push(() => names.stop())
  const port = await freePort()
  await startMx(port)
  const gateway = new Outpost(`${dir}/data`, {
    site: { domain: 'ps7.sender.test' },
    mail: { from: 'ps7@sender.test', dkim: {} },
    people: [{ id: 'ops', name: 'Ops', address: 'ops@recipient.test' }],
    delivery: { route: 'mx', dns: [`127.0.0.1:${names.port}`], port },
  })
  gateway.begin()
  ends.push(() => gateway.stop())
  await until('the gateway is ready', 30_000, () => gateway.alive() && gateway.log.includes('gateway: ready'))

  const before = doctor(gateway.data)
  assert.match(
    before.find((one) => one.step === 'MX')?.sentence ?? '',
    /recipient\.test go to mx\.recipient\.test \(127\.0\.0\.1; TLS opportunistic\)/,
  )
  const missingRecord = before.find((one) => one.step === 'DKIM')
  assert.equal(missingRecord?.ok, false)
  const strings = [...(missingRecord?.sentence.matchAll(/"([^"]+)"/g) ?? [])].map((found) => found[1])
  assert.match(strings[0] ?? '', /^v=DKIM1; k=rsa; p=/)
  await names.start([`--txt-record=outpost._domainkey.sender.test,${strings.join(',')}`])
  assert.equal(doctor(gateway.data).find((one) => one.step === 'DKIM')?.ok, true)

  run(program, ['send', '--to', 'ops', '--data', gateway.data], 'Pumpe 3 überhitzt')
  await until('the letter came', 60_000, () => gateway.alive() && sink.letters.length > 0)
  const [letter] = sink.letters
  assert.equal(letter?.from, 'ps7@sender.test')
  assert.deepEqual(letter?.to, ['ops@recipient.test'])
  const content = letter?.content ?? ''
  assert.match(content, /^\s+\(using TLSv1\.[23] with cipher/m)
  assert.match(content, /^DKIM-Signature: .*d=sender\.test/m)
  assert.deepEqual(await dkimpy(names.port, [Buffer.from(content, 'latin1')]), [true])
})
