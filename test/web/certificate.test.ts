import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { connect } from 'node:tls'
import fc from 'fast-check'
import { NodeHttp } from '../../src/ports/node/http.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { certificateFacts, selfSigned } from '../../src/web/certificate.ts'
import { missing, run } from '../peers/process.ts'

const from = Date.UTC(2026, 10, 24)
const to = Date.UTC(2046, 10, 24)
const random = new NodeRandom()

test('the certificate that a box makes is read by Node and OpenSSL, and is what a browser wants of a server', {
  skip: missing('openssl'),
}, async () => {
  const key = await random.ecKey()
  const pem = selfSigned(key, ['ps7.example.net', 'outpost.local', '192.0.2.7', '2001:db8::7'], random.bytes(16), from, to)
  const certificate = new X509Certificate(pem)
  assert.ok(certificate.verify(certificate.publicKey))
  assert.equal(certificate.subject, 'CN=ps7.example.net')
  assert.equal(certificate.subjectAltName, 'DNS:ps7.example.net, DNS:outpost.local, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7')
  assert.equal(certificate.ca, false)
  assert.equal(Date.parse(certificate.validTo), to)
  const dir = mkdtempSync(`${tmpdir()}/outpost-cert-`)
  try {
    writeFileSync(`${dir}/cert.pem`, pem)
    const text = run('openssl', ['x509', '-in', `${dir}/cert.pem`, '-noout', '-text'])
    assert.match(text, /Signature Algorithm: ecdsa-with-SHA256/)
    assert.match(text, /ASN1 OID: prime256v1/)
    assert.match(text, /TLS Web Server Authentication/)
    assert.match(run('openssl', ['verify', '-CAfile', `${dir}/cert.pem`, '-purpose', 'sslserver', `${dir}/cert.pem`]), /: OK/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('whatever its serial and names, it can be read again', async () => {
  const key = await random.ecKey()
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.array(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()), { minLength: 1, maxLength: 12 }),
      fc.date({ min: new Date(from), max: new Date(Date.UTC(2090, 0)), noInvalidDate: true }),
      (serial, names, end) => {
        const facts = certificateFacts(key, selfSigned(key, names, serial, from, Math.floor(end.getTime() / 1000) * 1000))
        assert.ok(typeof facts !== 'string', String(facts))
        assert.equal(facts.names.split(', ').length, names.length)
        assert.equal(facts.validTo, Math.floor(end.getTime() / 1000) * 1000)
      },
    ),
    { numRuns: 100 },
  )
})

test('weak TLS (CWE-327): a page is served with it over TLS 1.2 or later, and with nothing older', async () => {
  const key = await random.ecKey()
  const cert = selfSigned(key, ['127.0.0.1'], random.bytes(16), from, to)
  const listener = await new NodeHttp().listen({ host: '127.0.0.1', port: 0, tls: { key, cert } }, async (_, caller) =>
    Response.json({ secure: caller.secure, local: caller.local }),
  )
  const ask = (options: object) =>
    new Promise<string>((resolve, reject) => {
      get({ host: '127.0.0.1', port: listener.port, ca: cert, agent: false, ...options }, (response) => {
        response.setEncoding('utf8')
        response.on('data', resolve)
      }).on('error', (error: NodeJS.ErrnoException) => reject(new Error(error.code)))
    })
  try {
    assert.equal(await ask({}), JSON.stringify({ secure: true, local: `127.0.0.1:${listener.port}` }))
    await assert.rejects(ask({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }), /SSL|PROTO|RESET/)
  } finally {
    await listener.close()
  }
})

test('weak TLS (CWE-327): no cipher without forward secrecy or authentication is spoken', async () => {
  const key = await random.ecKey()
  const cert = selfSigned(key, ['127.0.0.1'], random.bytes(16), from, to)
  const listener = await new NodeHttp().listen({ host: '127.0.0.1', port: 0, tls: { key, cert } }, async () => new Response('x'))
  const spoken = (ciphers: string, maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
    new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: listener.port, ca: cert, ciphers, maxVersion })
      socket.once('secureConnect', () => resolve(socket.getCipher().name)).once('error', () => resolve('none'))
      socket.once('close', () => socket.destroy())
      socket.once('secureConnect', () => socket.destroy())
    })
  try {
    for (const weak of ['ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA', 'ECDHE-ECDSA-AES128-SHA'])
      assert.equal(await spoken(`${weak}:@SECLEVEL=0`, 'TLSv1.2'), 'none', weak)
    for (const good of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305']) assert.equal(await spoken(good, 'TLSv1.2'), good)
    assert.equal(await spoken('TLS_AES_128_GCM_SHA256', 'TLSv1.3'), 'TLS_AES_128_GCM_SHA256')
  } finally {
    await listener.close()
  }
})

test('key and certificate that are no pair, or are none, are told apart from a pair', async () => {
  const [one, two] = [await random.ecKey(), await random.ecKey()]
  const cert = selfSigned(one, ['x.example'], random.bytes(16), from, to)
  assert.match(String(certificateFacts(two, cert)), /does not belong/)
  assert.match(String(certificateFacts('', '')), /no certificate/)
})
