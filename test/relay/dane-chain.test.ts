import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { instant } from '../../src/ports/clock.ts'
import type { Tlsa } from '../../src/ports/names.ts'
import { usable } from '../../src/relay/route/dane.ts'
import { chainCheck } from '../../src/relay/route/dane-chain.ts'
import { freePort, missing, run, stop, until } from '../peers/process.ts'

/** Every verdict is held against OpenSSL's own: a server shows the chain, its client is given the TLSA record. */
const skip = missing('openssl')
const dir = mkdtempSync(`${tmpdir()}/outpost-dane-`)
const host = 'mx1.example.org'
const at = (name: string) => `${dir}/${name}`

function certificate(name: string, subject: string, extensions: string, issuer?: string): void {
  writeFileSync(at(`${name}.ext`), extensions)
  run('openssl', [
    'req',
    '-new',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    at(`${name}.key`),
    '-out',
    at(`${name}.csr`),
    '-subj',
    subject,
  ])
  const by =
    issuer === undefined ? ['-signkey', at(`${name}.key`)] : ['-CA', at(`${issuer}.pem`), '-CAkey', at(`${issuer}.key`), '-CAcreateserial']
  run('openssl', ['x509', '-req', '-in', at(`${name}.csr`), ...by, '-days', '30', '-extfile', at(`${name}.ext`), '-out', at(`${name}.pem`)])
}

const authority = 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\nsubjectKeyIdentifier=hash\n'
const server = (name: string) => `basicConstraints=CA:FALSE\nsubjectAltName=DNS:${name}\n`

before(() => {
  if (skip) return
  certificate('root', '/CN=Root', authority)
  certificate('middle', '/CN=Middle', authority, 'root')
  certificate('leaf', '/CN=leaf', server(host), 'middle')
  certificate('wild', '/CN=wild', server('*.example.org'), 'middle')
  certificate('other', '/CN=other', server('mx9.example.com'), 'middle')
  certificate('domain', '/CN=domain', server('example.org'), 'middle')
  certificate('alone', '/CN=alone', server('whatever.invalid'))
  // Bears the authority's name and says nothing of its key, which is another one.
  certificate('posing', '/CN=Middle', authority.replace('=hash', '=none'), 'root')
  certificate('self', '/CN=self', server(host))
  // Signed for the host by somebody whom the authority trusted with a name of his own only.
  certificate('rogue', '/CN=rogue', server(host), 'other')
})
after(() => rmSync(dir, { recursive: true, force: true }))

const der = (name: string): Uint8Array => new X509Certificate(readFileSync(at(`${name}.pem`))).raw
const spki = (name: string): Uint8Array =>
  new Uint8Array(
    spawnSync('openssl', ['pkey', '-pubin', '-outform', 'DER'], {
      input: spawnSync('openssl', ['x509', '-in', at(`${name}.pem`), '-pubkey', '-noout']).stdout,
    }).stdout,
  )

function record(form: string, name: string): Tlsa {
  const [usage = 0, selector = 0, matching = 0] = form.split(' ').map(Number)
  const thing = selector === 0 ? der(name) : spki(name)
  const data =
    matching === 0
      ? thing
      : new Uint8Array(
          createHash(matching === 1 ? 'sha256' : 'sha512')
            .update(thing)
            .digest(),
        )
  return { usage, selector, matching, data }
}

/** What OpenSSL says of the same chain, record and time. */
async function byOpenSsl(chain: string[], records: Tlsa[], now: Date): Promise<boolean> {
  const port = await freePort()
  const [own = '', ...others] = chain
  writeFileSync(at('chain.pem'), others.map((name) => readFileSync(at(`${name}.pem`))).join(''))
  const args = ['-accept', `127.0.0.1:${port}`, '-cert', at(`${own}.pem`), '-key', at(`${own}.key`), '-quiet', '-www']
  const listening = spawn('openssl', ['s_server', ...args, ...(others.length > 0 ? ['-cert_chain', at('chain.pem')] : [])], {
    stdio: 'ignore',
  })
  const client = () =>
    spawnSync(
      'openssl',
      [
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        '-brief',
        '-verify_return_error',
        '-attime',
        String(Math.floor(now.getTime() / 1000)),
        '-dane_tlsa_domain',
        host,
        '-dane_ee_no_namechecks',
        ...records.flatMap(({ usage, selector, matching, data }) => [
          '-dane_tlsa_rrdata',
          `${usage} ${selector} ${matching} ${Buffer.from(data).toString('hex')}`,
        ]),
      ],
      { input: '', encoding: 'utf8', timeout: 10_000 },
    )
  try {
    let said = ''
    await until('the OpenSSL server answers', 10_000, () => {
      const done = client()
      said = `${done.stdout}${done.stderr}`
      return !/Connection refused/.test(said)
    })
    return /Verification: OK/.test(said)
  } finally {
    await stop(listening, 'SIGKILL')
  }
}

const today = new Date()
const inAYear = new Date(today.getTime() + 365 * 86_400_000)

type Case = { what: string; chain: string[]; records: [form: string, of: string][]; good: boolean; now?: Date }
const whole = ['leaf', 'middle', 'root']
const cases: Case[] = [
  ...['3 0 0', '3 0 1', '3 0 2', '3 1 0', '3 1 1', '3 1 2'].map((form) => ({
    what: `${form} of the host's own certificate`,
    chain: whole,
    records: [[form, 'leaf']] as [string, string][],
    good: true,
  })),
  ...['2 0 0', '2 0 1', '2 0 2', '2 1 0', '2 1 1', '2 1 2'].map((form) => ({
    what: `${form} of the authority in the chain`,
    chain: whole,
    records: [[form, 'middle']] as [string, string][],
    good: true,
  })),
  { what: 'the root of the chain', chain: whole, records: [['2 0 1', 'root']], good: true },
  { what: 'another certificate', chain: whole, records: [['3 1 1', 'alone']], good: false },
  { what: 'an authority that did not sign', chain: whole, records: [['2 0 1', 'alone']], good: false },
  {
    what: 'one of several records',
    chain: whole,
    records: [
      ['3 1 1', 'alone'],
      ['2 1 1', 'other'],
      ['3 1 2', 'leaf'],
    ],
    good: true,
  },
  { what: 'a self-signed certificate for another name, described itself', chain: ['alone'], records: [['3 1 1', 'alone']], good: true },
  { what: 'a certificate described itself, long over', chain: ['alone'], records: [['3 0 1', 'alone']], good: true, now: inAYear },
  { what: 'an authority, everything long over', chain: whole, records: [['2 0 1', 'middle']], good: false, now: inAYear },
  { what: 'an authority that signed for another name', chain: ['other', 'middle'], records: [['2 0 1', 'middle']], good: false },
  { what: 'an authority that signed for all hosts of the domain', chain: ['wild', 'middle'], records: [['2 1 1', 'middle']], good: true },
  { what: 'an authority that the host does not show, by digest', chain: ['leaf'], records: [['2 0 1', 'middle']], good: false },
  { what: 'an authority that the host does not show, whole in the DNS', chain: ['leaf'], records: [['2 0 0', 'middle']], good: true },
  { what: 'the key of an authority that the host does not show', chain: ['leaf'], records: [['2 1 0', 'middle']], good: true },
  {
    what: 'an authority that lies beside the chain and signed nothing in it',
    chain: ['alone', 'middle', 'root'],
    records: [['2 0 1', 'middle']],
    good: false,
  },
  { what: 'the host itself as its authority', chain: ['self'], records: [['2 0 1', 'self']], good: false },
  {
    what: 'a host whose certificate another host signed',
    chain: ['rogue', 'other', 'middle'],
    records: [['2 0 1', 'middle']],
    good: false,
  },
  { what: 'a certificate that poses as the authority', chain: ['leaf', 'posing', 'root'], records: [['2 0 1', 'root']], good: false },
]

for (const { what, chain, records, good, now = today } of cases)
  test(`${good ? 'trusted' : 'not trusted'}: ${what}`, { skip, timeout: 30_000 }, async () => {
    const tlsa = records.map(([form, of]) => record(form, of))
    const fault = chainCheck({ records: usable(tlsa), serverName: host, names: [host] }, instant(now.getTime()))(chain.map(der))
    assert.equal(fault === undefined, good, fault)
    if (fault !== undefined) assert.match(fault, /^The certificate of mx1\.example\.org .*\.$/)
    assert.equal(await byOpenSsl(chain, tlsa, now), good, 'OpenSSL sees it another way')
  })

test('the name of the recipient\u2019s domain will do, too', { skip }, () => {
  const check = (names: string[]) =>
    chainCheck({ records: [record('2 0 1', 'middle')], serverName: host, names }, instant(today.getTime()))(['domain', 'middle'].map(der))
  assert.equal(check([host, 'example.org']), undefined)
  assert.match(check([host]) ?? '', /bears none of the names/)
})

test('without a record that can be used any certificate will do, and with one no rubbish', { skip }, () => {
  const now = instant(today.getTime())
  assert.equal(chainCheck({ records: [], serverName: host, names: [host] }, now)([der('alone')]), undefined)
  const check = chainCheck({ records: [record('3 1 1', 'leaf')], serverName: host, names: [host] }, now)
  for (const chain of [[], [new Uint8Array()], [new Uint8Array([1, 2, 3])]])
    assert.match(check(chain) ?? '', /no certificate that can be read/)
})

test('of two digests of one thing the stronger counts, and what is not known is passed over', () => {
  const one = (usage: number, selector: number, matching: number, octets: number): Tlsa => ({
    usage,
    selector,
    matching,
    data: new Uint8Array(octets),
  })
  assert.deepEqual(usable([one(3, 1, 1, 32), one(3, 1, 2, 64)]), [one(3, 1, 2, 64)])
  assert.deepEqual(usable([one(3, 1, 1, 32), one(3, 0, 2, 64)]), [one(3, 1, 1, 32), one(3, 0, 2, 64)])
  assert.deepEqual(usable([one(3, 1, 0, 4), one(3, 1, 2, 64)]), [one(3, 1, 0, 4), one(3, 1, 2, 64)])
  assert.deepEqual(usable([one(0, 1, 1, 32), one(1, 1, 1, 32), one(3, 1, 1, 31), one(3, 1, 0, 0), one(4, 0, 1, 32), one(2, 1, 2, 32)]), [])
})
