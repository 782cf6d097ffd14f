import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { NodeNames } from '../../src/ports/node/names.ts'
import { type Route, route } from '../../src/relay/route/route.ts'
import { missing } from '../peers/process.ts'
import { Unbound } from '../peers/unbound.ts'
import { SimRandom } from '../sim/world/random.ts'

/** Signed zones and a name server that verifies them: what the AD bit is worth, end to end. */
const skip = missing('unbound', 'ldns-keygen', 'ldns-signzone')
const dir = mkdtempSync(`${tmpdir()}/outpost-unbound-`)
const unbound = new Unbound(dir)
const digest = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
const hosts = `@ IN MX 10 mx1\n@ IN MX 20 mx2\nmx1 IN A 192.0.2.1\nmx2 IN A 192.0.2.2\n_25._tcp.mx1 IN TLSA 3 1 1 ${digest}`

before(async () => {
  if (skip) return
  const zones = {
    'example.org': hosts,
    'example.com': hosts,
    'forged.example': hosts,
    'stripped.example': hosts,
    'alias.example': `@ IN MX 10 in\n@ IN MX 20 out\nin IN CNAME mx1.example.org.\nout IN CNAME mx1.example.com.\n_25._tcp.out IN TLSA 2 0 1 ${digest}`,
  }
  await unbound.start(zones, ['example.org', 'forged.example', 'stripped.example', 'alias.example'], (zone, text) => {
    // Somebody on the way names a host of his own, or takes the TLSA records away.
    if (zone === 'forged.example') return text.replace(/^(mx1\.forged\.example\.\s.*\sA\s+)192\.0\.2\.1$/m, '$1192.0.2.66')
    if (zone === 'stripped.example') return text.replace(/^_25\._tcp\.mx1\.stripped\.example\.\s.*\sTLSA\s.*$/gm, '')
    return text
  })
})
after(async () => {
  await unbound.stop()
  rmSync(dir, { recursive: true, force: true })
})

const find = (domain: string): Promise<Route> =>
  route(domain, { names: new NodeNames([unbound.address]), random: new SimRandom(1), port: 25, own: [], dane: true })
const shown = (found: Route): string[] =>
  found.kind === 'hosts'
    ? found.hosts.map(
        (host) => `${host.name} ${host.addresses} ${host.security === 'dane' ? `dane ${host.dane.serverName}` : host.security}`,
      )
    : [found.kind]

test('a signed domain is authenticated, and its TLSA records bind', { skip, timeout: 60_000 }, async () => {
  const names = new NodeNames([unbound.address])
  const looked = await names.tlsa('_25._tcp.mx1.example.org')
  assert.ok(looked.kind === 'found' && looked.authenticated)
  assert.deepEqual(looked.records, [{ usage: 3, selector: 1, matching: 1, data: new Uint8Array(Buffer.from(digest, 'hex')) }])
  const denied = await names.mx('nowhere.example.org')
  assert.deepEqual(denied, { kind: 'nxdomain', authenticated: true })
  assert.deepEqual(shown(await find('example.org')), [
    'mx1.example.org 192.0.2.1 dane mx1.example.org',
    'mx2.example.org 192.0.2.2 opportunistic',
  ])
})

test('the same records without signatures bind nobody', { skip, timeout: 60_000 }, async () => {
  assert.deepEqual(shown(await find('example.com')), ['mx1.example.com 192.0.2.1 opportunistic', 'mx2.example.com 192.0.2.2 opportunistic'])
})

test('a forged address and a taken away TLSA record leave the host out; the other one takes the letter', {
  skip,
  timeout: 60_000,
}, async () => {
  assert.deepEqual(shown(await find('forged.example')), ['mx2.forged.example 192.0.2.2 opportunistic'])
  assert.deepEqual(shown(await find('stripped.example')), ['mx2.stripped.example 192.0.2.2 opportunistic'])
})

test('an alias into a signed zone has the records of its end, one out of it those of its own', { skip, timeout: 60_000 }, async () => {
  assert.deepEqual(shown(await find('alias.example')), [
    'in.alias.example 192.0.2.1 dane mx1.example.org',
    'out.alias.example 192.0.2.1 dane out.alias.example',
  ])
})
