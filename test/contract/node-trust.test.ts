import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import tls, { createServer, type Server } from 'node:tls'
import type { BrokerEvents } from '../../src/ports/broker.ts'
import { Authority } from '../peers/authority.ts'
import { freePort } from '../peers/process.ts'

/** Whom the real Net and Broker trust, in a process whose system knows one authority more. */
const dir = mkdtempSync(`${tmpdir()}/outpost-trust-`)
let server: Server
let system = ''
let stranger = ''
let port = 0

before(async () => {
  const authority = new Authority(dir, 'System CA')
  system = `${dir}/system.pem`
  writeFileSync(system, authority.pem)
  stranger = `${dir}/stranger.pem`
  writeFileSync(stranger, new Authority(dir, 'Stranger CA').pem)
  const { cert, key } = authority.issue({ names: ['DNS:localhost'], commonName: 'localhost' })
  // CONNACK of MQTT 3.1.1, and the end.
  const connack = Buffer.from([0x20, 2, 0, 5])
  server = createServer({ cert, key }, (socket) => socket.on('error', () => {}).end(connack))
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address ? address.port : 0
})

after(async () => {
  await new Promise((resolve) => server.close(resolve))
  rmSync(dir, { recursive: true, force: true })
})

const src = new URL('../../src/ports', import.meta.url).pathname
const script = `
  import { readFileSync } from 'node:fs'
  import { NodeBroker } from '${src}/node/broker.ts'
  import { NodeNet } from '${src}/node/net.ts'
  const [port, ca] = process.argv.slice(1)
  const more = ca ? { ca: readFileSync(ca, 'utf8') } : {}
  const options = { url: 'mqtts://localhost:' + port, clientId: 'box', version: 4, topics: ['a'], qos: 1, keepaliveS: 60, receiveMaximum: 1,
    sessionExpiryS: 1, connectTimeoutMs: 5000, ...more }
  const said = (error) => error.kind ?? error.stage
  const broker = await new NodeBroker(() => {}).connect(options, {}).then(() => 'up', said)
  const net = await new NodeNet().connect({ host: 'localhost', port, timeoutMs: 5000, tls: { serverName: 'localhost', ...more } }).then(() => 'up', said)
  console.log(JSON.stringify({ broker, net }))
  process.exit(0)`

function trusting(env: Record<string, string>, ...ca: string[]): Promise<unknown> {
  const args = ['--input-type=module', '-e', script, String(port), ...ca]
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH ?? '', ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (bytes) => {
    out += bytes
  })
  return new Promise((resolve) => child.once('close', () => resolve(JSON.parse(out))))
}

test('an authority that the settings name is added to those of the system, for mail and for MQTT', async () => {
  const known = { SSL_CERT_FILE: system }
  assert.deepEqual(await trusting({}, stranger), { broker: 'network', net: 'tls' })
  // The broker's no was read: the handshake was good.
  assert.deepEqual(await trusting(known), { broker: 'refused', net: 'up' })
  assert.deepEqual(await trusting(known, stranger), { broker: 'refused', net: 'up' })
  assert.deepEqual(await trusting({}, system), { broker: 'refused', net: 'up' })
})

test('a broker that is away, and an HTTPS server, are tried again and again without reading hundreds of authorities each time', async (t) => {
  const made = t.mock.method(tls, 'createSecureContext')
  const { NodeBroker } = await import('../../src/ports/node/broker.ts')
  const { NodeNet } = await import('../../src/ports/node/net.ts')
  const nobody = await freePort()
  const options = { url: `mqtts://localhost:${nobody}`, clientId: 'box', version: 4, topics: ['a'], qos: 1 } as const
  const broker = new NodeBroker(() => {})
  for (let i = 0; i < 3; i++) {
    const more = { keepaliveS: 60, receiveMaximum: 1, sessionExpiryS: 1, connectTimeoutMs: 5000 }
    await assert.rejects(broker.connect({ ...options, topics: ['a'], ...more }, {} as BrokerEvents), /reached|ECONNREFUSED/)
    const url = `https://localhost:${nobody}/`
    await assert.rejects(new NodeNet().request({ method: 'GET', url, timeoutMs: 5000, maxBytes: 1000 }), /ECONNREFUSED/)
  }
  assert.equal(made.mock.callCount(), 0)
})
