import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { connect } from 'node:tls'
import { NetError, type TlsFacts, type TlsOptions } from '../../src/ports/net.ts'
import { NodeNet } from '../../src/ports/node/net.ts'
import { Authority, type Identity } from '../peers/authority.ts'
import { FakeRelay, type Script } from '../peers/fake-relay.ts'
import { missing } from '../peers/process.ts'

/** The handshake over real sockets on loopback. */
const skip = missing('openssl')
const dir = mkdtempSync(`${tmpdir()}/outpost-tls-`)
after(() => rmSync(dir, { recursive: true, force: true }))
const authority = skip ? undefined : new Authority(dir)
const stranger = skip ? undefined : new Authority(dir, 'Stranger')
const ca = authority?.pem ?? ''
const local = ['DNS:localhost', 'IP:127.0.0.1']
const identity = (of: Identity | undefined): Identity => of ?? { cert: '', key: '', fingerprint: '' }
const good = identity(authority?.issue({ names: local, commonName: 'relay' }))
const box = identity(stranger?.selfSigned({ names: ['DNS:box.local'], commonName: 'box' }))

async function withRelay(script: Script, story: (relay: FakeRelay) => Promise<void>): Promise<void> {
  const relay = await FakeRelay.start({ implicit: true, ...script })
  try {
    await story(relay)
  } finally {
    await relay.stop()
  }
}

/** One connection with a greeting, so that the tickets of TLS 1.3 have come. */
async function shake(net: NodeNet, relay: FakeRelay, options: Partial<TlsOptions>): Promise<TlsFacts> {
  const tls = { serverName: 'localhost', ...options }
  const wire = await net.connect({ host: '127.0.0.1', port: relay.port, timeoutMs: 5000, tls })
  try {
    await wire.read()
    assert.ok(wire.tls)
    return wire.tls
  } finally {
    wire.close()
  }
}
const refused = (code: string) => (error: unknown) => error instanceof NetError && error.stage === 'tls' && error.code === code

test('the whole chain is told, the server’s own certificate first', { skip }, async () => {
  assert.ok(authority)
  const middle = new Authority(dir, 'Middle CA', authority)
  const leaf = middle.issue({ names: local, commonName: 'relay', toDays: 9 })
  await withRelay({ tls: leaf }, async (relay) => {
    const { chain, protocol } = await shake(new NodeNet(), relay, { ca })
    assert.equal(protocol, 'TLSv1.3')
    assert.deepEqual(chain.map((one) => [one.subject, one.issuer]).slice(0, 2), [
      ['relay', 'Middle CA'],
      ['Middle CA', 'Test CA'],
    ])
    assert.equal(chain[0]?.fingerprint, new X509Certificate(leaf.cert).fingerprint256)
    assert.ok(Math.abs((chain[0]?.validTo ?? 0) - Date.now() - 9 * 86_400_000) < 60_000)
  })
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version}: the second connection resumes the session, and its certificate is still known`, { skip }, async () => {
    await withRelay({ tls: { ...good, maxVersion: version } }, async (relay) => {
      const net = new NodeNet()
      await shake(net, relay, { ca })
      const { resumed, chain } = await shake(net, relay, { ca })
      assert.equal(resumed, true)
      assert.equal(relay.resumed, 1)
      assert.equal(chain[0]?.fingerprint, good.fingerprint)
      assert.equal((await shake(net, relay, { ca, resume: false })).resumed, false)
    })
  })

  test(`${version}: a session does not step around a ca that is gone, a pin that changed, another name or a check`, { skip }, async () => {
    await withRelay({ tls: { ...good, maxVersion: version } }, async (relay) => {
      const net = new NodeNet()
      await shake(net, relay, { ca })
      await shake(net, relay, { pins: [good.fingerprint] })
      await assert.rejects(shake(net, relay, {}), refused('UNABLE_TO_VERIFY_LEAF_SIGNATURE'))
      await assert.rejects(shake(net, relay, { ca: stranger?.pem ?? '' }), refused('UNABLE_TO_VERIFY_LEAF_SIGNATURE'))
      await assert.rejects(shake(net, relay, { pins: [box.fingerprint] }), refused('EPIN'))
      await assert.rejects(shake(net, relay, { ca, serverName: 'other.test' }), refused('ERR_TLS_CERT_ALTNAME_INVALID'))
      await assert.rejects(shake(net, relay, { ca, check: () => 'no' }), refused('ECHECK'))
    })
  })

  test(`${version}: a check is asked again when the session that it allowed is resumed`, { skip }, async () => {
    await withRelay({ tls: { ...box, maxVersion: version } }, async (relay) => {
      const net = new NodeNet()
      const chains: (readonly Uint8Array[])[] = []
      let answer: string | undefined
      const check = (chain: readonly Uint8Array[]) => {
        chains.push(chain)
        return answer
      }
      await shake(net, relay, { check })
      assert.equal((await shake(net, relay, { check })).resumed, true)
      assert.deepEqual(chains[1], chains[0])
      answer = 'the record has changed'
      await assert.rejects(shake(net, relay, { check }), refused('ECHECK'))
      await assert.rejects(shake(net, relay, {}), refused('DEPTH_ZERO_SELF_SIGNED_CERT'))
    })
  })
}

test('a pinned box that vouches for itself is trusted under any name, and nothing else is', { skip }, async () => {
  await withRelay({ tls: box }, async (relay) => {
    assert.equal((await shake(new NodeNet(), relay, { pins: [box.fingerprint] })).chain[0]?.selfSigned, true)
    await assert.rejects(shake(new NodeNet(), relay, { pins: [good.fingerprint] }), refused('EPIN'))
    await assert.rejects(shake(new NodeNet(), relay, { ca }), refused('DEPTH_ZERO_SELF_SIGNED_CERT'))
  })
})

test('the name is the configured one, whatever address or alias it leads to', { skip }, async () => {
  /** relay.example.org is an alias of localhost here. */
  class AliasNet extends NodeNet {
    override async resolve(): Promise<string[]> {
      return ['127.0.0.1']
    }
  }
  await withRelay({ tls: good }, async (relay) => {
    const target = { host: 'relay.example.org', port: relay.port, timeoutMs: 5000, tls: { serverName: 'relay.example.org', ca } }
    await assert.rejects(new AliasNet().connect(target), refused('ERR_TLS_CERT_ALTNAME_INVALID'))
  })
})

test('no variable of the environment switches the verification off', { skip }, async () => {
  await withRelay({ tls: box }, async (relay) => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      await assert.rejects(shake(new NodeNet(), relay, {}), refused('DEPTH_ZERO_SELF_SIGNED_CERT'))
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    }
  })
})

for (const version of ['TLSv1', 'TLSv1.1'] as const)
  test(`${version} is not spoken (RFC 8996)`, { skip }, async () => {
    const old = { ...good, minVersion: 'TLSv1', maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await withRelay({ tls: old }, async (relay) => {
      await assert.rejects(shake(new NodeNet(), relay, { ca }), refused('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'))
      // The server itself would have: what kept us was our own minimum.
      const willing = connect({
        port: relay.port,
        host: '127.0.0.1',
        ca,
        servername: 'localhost',
        minVersion: 'TLSv1',
        ciphers: old.ciphers,
      })
      await new Promise((resolve, reject) => willing.once('secureConnect', resolve).once('error', reject))
      assert.equal(willing.getProtocol(), version)
      willing.destroy()
    })
  })

test('a `ca` that is no certificate adds no trust and breaks nothing', { skip }, async () => {
  await withRelay({ tls: good }, async (relay) => {
    const wrong = '-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n'
    for (const text of ['no PEM at all', wrong]) await assert.rejects(shake(new NodeNet(), relay, { ca: text }), NetError)
  })
})
