import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Log } from '../../src/ports/log.ts'
import type { WebRequest } from '../../src/ports/net.ts'
import { Policies } from '../../src/relay/route/policies.ts'
import { allows, policyId, policyOf } from '../../src/relay/route/sts.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimNames } from '../sim/world/names.ts'
import { Timeline } from '../sim/world/timeline.ts'

test('the id of a policy is in the one record of its kind, and only in a well-formed one', () => {
  assert.equal(policyId(['v=STSv1; id=20260101T000000;']), '20260101T000000')
  assert.equal(policyId(['v=STSv1;id=a1']), 'a1')
  assert.equal(policyId(['v=spf1 -all', 'v=STSv1 ; new=x.y ; id = a1 ; ']), 'a1')
  for (const texts of [
    [],
    ['v=spf1 -all'],
    ['v=STSv1'],
    ['v=STSv1;'],
    ['v=STSv1; id='],
    ['v=STSv1; id=a b'],
    ['v=STSv1; id=a-1'],
    [`v=STSv1; id=${'a'.repeat(33)}`],
    ['v=stsv1; id=a1'],
    [' v=STSv1; id=a1'],
    ['v=STSv2; id=a1'],
    ['id=a1; v=STSv1'],
    ['v=STSv1; id=a1; nonsense'],
    ['v=STSv1; id=a1', 'v=STSv1; id=a2'],
  ])
    assert.equal(policyId(texts), undefined, JSON.stringify(texts))
})

const good = 'version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmx: *.Example.net\r\nmax_age: 604800\r\n'

test('a policy is read as it stands; what is not known in it is passed over', () => {
  const policy = { mode: 'enforce', mx: ['mail.example.org', '*.example.net'], maxAgeS: 604_800 }
  assert.deepEqual(policyOf(good), policy)
  assert.deepEqual(policyOf(good.replaceAll('\r\n', '\n').trimEnd()), policy)
  assert.deepEqual(policyOf(`${good}new_thing: some: value\r\nmode: none\r\nmax_age: 1\r\n`), policy, 'the first of two counts')
  assert.deepEqual(policyOf('version:STSv1\nmode:none\nmax_age:0'), { mode: 'none', mx: [], maxAgeS: 0 })
  const year = policyOf(good.replace('604800', '9999999999'))
  assert.equal(typeof year === 'object' && year.maxAgeS, 31_557_600)
})

test('what is no policy is told with a sentence', () => {
  for (const [text, says] of [
    ['', /not "name: value"|version/],
    ['<html>parked</html>', /Line 1/],
    [good.replace('STSv1', 'STSv2'), /version/],
    [good.replace('enforce', 'Enforce'), /mode/],
    [good.replace('max_age: 604800', ''), /how long/],
    [good.replace('604800', '-1'), /how long/],
    [good.replace('604800', '1e9'), /how long/],
    [good.replace(/mx: .*\r\n/g, ''), /names no host/],
    [good.replace('mail.example.org', 'mail.*.org'), /no host/],
    [good.replace('mail.example.org', '*'), /no host/],
    [good.replace('mail.example.org', ''), /no host/],
    [good.replace('mail.example.org', 'a b'), /no host/],
    [`${good}mx: x.org\r\n`.repeat(600), /more than/],
  ] as const)
    assert.match(String(policyOf(text)), says, text.slice(0, 200))
})

test('reading ends with a policy or a sentence, whatever comes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (noise) => void [policyOf(noise), policyOf(good + noise), policyId([noise, `v=STSv1;${noise}`])],
    ),
  )
})

test('ReDoS (CWE-1333): a policy and a record of 64 KiB of blanks are read at once', { timeout: 20_000 }, () => {
  const blanks = ' \t'.repeat(32_000)
  assert.equal(typeof policyOf(`version: STSv1\nmode:${blanks}x\u2028`), 'string')
  assert.equal(policyId([`v=STSv1;${blanks}x`]), undefined)
  assert.equal(policyId([`v=STSv1;${blanks}id=a${blanks};${blanks}`]), 'a')
})

test('a star is exactly one label, the leftmost', () => {
  const policy = { mode: 'enforce', mx: ['mail.example.org', '*.example.net'], maxAgeS: 1 } as const
  const allowed = (host: string) => allows(policy, host)
  assert.deepEqual(['mail.example.org', 'MAIL.Example.org', 'mx1.example.net'].map(allowed), [true, true, true])
  assert.deepEqual(
    ['example.org', 'a.mail.example.org', 'example.net', 'a.b.example.net', 'mx1-example.net', 'mail.example.org.evil.com', 'net'].map(
      allowed,
    ),
    Array(7).fill(false),
  )
})

const hourMs = 3_600_000
const dayMs = 24 * hourMs

async function box() {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot')
  const disk = new SimDisk()
  await disk.makeDir('data')
  const names = new SimNames({ '_mta-sts.example.org': { txt: [['v=STSv1; id=a1;']] } })
  const web: { text: string; status: number; type: string; fails?: string; asked: WebRequest[] } = {
    text: good,
    status: 200,
    type: 'text/plain; charset=utf-8',
    asked: [],
  }
  const said: string[] = []
  const log: Log = (_, event, facts) => void said.push(`${event}: ${facts?.why}`)
  const open = () =>
    Policies.open({
      disk,
      clock,
      log,
      names,
      dir: 'data',
      request: async (request) => {
        web.asked.push(request)
        if (web.fails) throw new Error(web.fails)
        return { status: web.status, headers: { 'content-type': web.type }, body: Buffer.from(web.text) }
      },
    })
  return { timeline, clock, disk, names, web, said, open, pass: (ms: number) => timeline.run(timeline.now + ms) }
}

test('a policy is fetched from its place, and kept over a restart without being asked for again', async () => {
  const { open, web, names, disk } = await box()
  const policies = await open()
  const policy = await policies.of('example.org')
  assert.deepEqual(policy, { mode: 'enforce', mx: ['mail.example.org', '*.example.net'], maxAgeS: 604_800 })
  const { method, url, maxBytes, timeoutMs } = web.asked[0] ?? {}
  assert.deepEqual([method, url], ['GET', 'https://mta-sts.example.org/.well-known/mta-sts.txt'])
  assert.ok((maxBytes ?? 0) <= 65_536 && (timeoutMs ?? 0) <= 60_000)
  assert.deepEqual(await policies.of('example.org'), policy)
  assert.equal(web.asked.length, 1)
  assert.deepEqual(names.asked, ['TXT _mta-sts.example.org'])
  web.fails = 'the link is down'
  names.up = false
  assert.deepEqual(await (await open()).of('example.org'), policy)
  assert.deepEqual(await disk.list('data'), ['mta-sts.json'])
})

test('many letters to one domain are one question', async () => {
  const { open, web, names } = await box()
  const policies = await open()
  await Promise.all(Array.from({ length: 20 }, () => policies.of('example.org')))
  assert.equal(web.asked.length + names.asked.length, 2)
})

test('a domain without a policy is asked for the hint only, once an hour', async () => {
  const { open, web, names, pass } = await box()
  const policies = await open()
  for (let i = 0; i < 4; i++) {
    assert.equal(await policies.of('example.com'), undefined)
    await pass(hourMs / 2)
  }
  assert.equal(web.asked.length, 0)
  assert.equal(names.asked.length, 2)
})

test('another id means another policy; the same id does not, until half of the time is over', async () => {
  const { open, web, names, pass } = await box()
  const policies = await open()
  await policies.of('example.org')
  web.text = good.replace('enforce', 'testing')
  await pass(2 * hourMs)
  assert.equal((await policies.of('example.org'))?.mode, 'enforce')
  assert.equal(web.asked.length, 1)
  names.zone = { '_mta-sts.example.org': { txt: [['v=STSv1; id=a2;']] } }
  await pass(2 * hourMs)
  assert.equal((await policies.of('example.org'))?.mode, 'testing')
  await pass(4 * dayMs)
  await policies.of('example.org')
  assert.equal(web.asked.length, 3)
})

test('who takes the hint or the page away does not take the policy away, until its time is over', async () => {
  const { open, web, names, pass } = await box()
  const policies = await open()
  await policies.of('example.org')
  names.zone = {}
  await pass(6 * dayMs)
  assert.equal((await policies.of('example.org'))?.mode, 'enforce')
  names.up = false
  web.fails = 'refused'
  await pass(dayMs - hourMs)
  assert.equal((await policies.of('example.org'))?.mode, 'enforce')
  await pass(2 * hourMs)
  assert.equal(await policies.of('example.org'), undefined)
})

test('a policy that a clock which was years ahead has dated is fetched anew, and kept for no longer than others', async () => {
  const { open, web, names, clock, pass } = await box()
  clock.wrongBy = 4 * 365 * dayMs
  const policies = await open()
  await policies.of('example.org')
  clock.wrongBy = 0
  assert.equal((await policies.of('example.org'))?.mode, 'enforce')
  await pass(2 * hourMs)
  assert.equal((await policies.of('example.org'))?.mode, 'enforce')
  assert.equal(web.asked.length, 2)
  names.zone = {}
  await pass(8 * dayMs)
  assert.equal(await policies.of('example.org'), undefined)
})

test('a page that is no policy is told, and not asked for again for an hour', async () => {
  for (const bad of [
    { status: 302 },
    { status: 404 },
    { type: 'text/html' },
    { type: '' },
    { text: '<html>' },
    { fails: 'its certificate has expired' },
  ]) {
    const { open, web, said, pass } = await box()
    Object.assign(web, bad)
    const policies = await open()
    assert.equal(await policies.of('example.org'), undefined, JSON.stringify(bad))
    assert.equal(await policies.of('example.org'), undefined)
    assert.equal(web.asked.length, 1)
    assert.match(said.join('\n'), /mta-sts: a policy could not be had: ./)
    Object.assign(web, { status: 200, type: 'text/plain', text: good, fails: undefined })
    await pass(hourMs)
    assert.equal((await policies.of('example.org'))?.mode, 'enforce')
  }
})

test('a clock that nobody has set does not end a policy', async () => {
  const { open, clock, names } = await box()
  await (await open()).of('example.org')
  names.up = false
  clock.wrongBy = 40 * 365 * dayMs
  clock.set = 'no'
  assert.equal((await (await open()).of('example.org'))?.mode, 'enforce')
  clock.set = 'yes'
  assert.equal(await (await open()).of('example.org'), undefined)
})

test('a spoiled file is told and forgotten, and odd entries are left out', async () => {
  const { open, disk, said, names } = await box()
  const kept = { id: 'a1', fetchedAt: 0, policy: { mode: 'enforce', mx: ['x.org'], maxAgeS: 1 } }
  for (const text of [
    '',
    '{',
    '[]',
    'null',
    JSON.stringify({ 'example.org': { ...kept, policy: { ...kept.policy, mx: [1] } }, 'b.org': 7, 'c.org': { ...kept, id: 1 } }),
  ]) {
    await disk.write('data/mta-sts.json', Buffer.from(text))
    names.up = false
    assert.equal(await (await open()).of('example.org'), undefined)
  }
  assert.match(said.join('\n'), /cannot be read/)
})

test('a full disk loses nothing but the memory of the next life', async () => {
  const { open, disk, said } = await box()
  const policies = await open()
  disk.write = async () => {
    throw new Error('no space')
  }
  assert.equal((await policies.of('example.org'))?.mode, 'enforce')
  assert.match(said.join('\n'), /could not be kept: no space/)
})

test('however many domains there are, a bounded number is kept, the youngest', async () => {
  const { open, names, disk } = await box()
  const policies = await open()
  for (let i = 0; i < 200; i++) {
    names.zone = { [`_mta-sts.d${i}.org`]: { txt: [['v=STSv1; id=a1;']] } }
    await policies.of(`d${i}.org`)
  }
  const kept = Object.keys(JSON.parse(Buffer.from(await disk.read('data/mta-sts.json')).toString()))
  assert.ok(kept.length <= 128 && kept.includes('d199.org') && !kept.includes('d0.org'))
})
