import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readlinkSync, rmSync, writeSync } from 'node:fs'
import { request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Outpost } from '../peers/outpost.ts'
import { freePort, missing, sleep, stop, until } from '../peers/process.ts'
import { ptyPair } from '../peers/pty.ts'

/** The web server of the built gateway over real sockets: what a browser's engine does not show. */
const dir = mkdtempSync(`${tmpdir()}/outpost-web-`)
const password = 'correct horse battery'
const boxes: Outpost[] = []

after(async () => {
  for (const box of boxes) await box.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function open(name: string, { web }: { web?: object } = {}): Promise<{ box: Outpost; port: number }> {
  const port = await freePort()
  const box = new Outpost(`${dir}/${name}`, { broker: { enabled: false }, web: { listen: `127.0.0.1:${port}`, ...web } })
  boxes.push(box)
  box.begin()
  await until('the page is served', 20_000, () => box.log.includes('gateway: ready'))
  return { box, port }
}

type Heard = { status: number; text: string; headers: Record<string, string | string[] | undefined>; fingerprint: string | undefined }

/** Asks as a browser would, over TLS or not; whoever is there is trusted, since the test looks at the fingerprint itself. */
function ask(port: number, method: string, path: string, body?: unknown, more: Record<string, string> = {}, tls = false): Promise<Heard> {
  const headers = { 'sec-fetch-site': 'same-origin', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...more }
  const options = { host: '127.0.0.1', port, method, path, headers, agent: false }
  return new Promise((resolve, reject) => {
    const sent = tls ? secure({ ...options, rejectUnauthorized: false }) : plain(options)
    sent.on('response', (answer) => {
      const fingerprint = tls ? (answer.socket as TLSSocket).getPeerCertificate().fingerprint256 : undefined
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (piece) => {
        text += piece
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers, fingerprint }))
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function claim(box: Outpost, port: number, tls = false): Promise<string> {
  const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(box.said)?.[0]
  const claimed = await ask(port, 'POST', '/api/claim', { code, password }, {}, tls)
  assert.equal(claimed.status, 204, claimed.text)
  return cookieOf(claimed)
}

/** A page's stream, left open. */
function watch(port: number, cookie: string, tls: boolean): Promise<Socket> {
  const options = { host: '127.0.0.1', port, path: '/api/events', headers: { cookie }, agent: false as const }
  return new Promise((resolve, reject) => {
    const sent = tls ? secure({ ...options, rejectUnauthorized: false }) : plain(options)
    sent.on('response', (answer) => {
      answer.on('error', () => {})
      answer.resume()
      resolve(answer.socket)
    })
    sent.on('error', reject)
    sent.end()
  })
}

const cookieOf = ({ headers }: Heard): string => String(headers['set-cookie']).split(';')[0] ?? ''

test('HTTPS is switched on at the page, with the fingerprint that it showed before, and stays when it is confirmed there', async () => {
  const { box, port } = await open('tls')
  const cookie = await claim(box, port)
  const { certificate } = JSON.parse((await ask(port, 'GET', '/api/device', undefined, { cookie })).text)
  const read = await ask(port, 'GET', '/api/settings', undefined, { cookie })
  const { settings } = JSON.parse(read.text)
  const etag = String(read.headers.etag)
  const saved = await ask(port, 'PUT', '/api/settings', { ...settings, web: { ...settings.web, tls: 'own' } }, { cookie, 'if-match': etag })
  assert.equal(saved.status, 200, saved.text)
  await until('it listens with TLS', 10_000, () => /the page is served.*own/.test(box.log))
  const login = await ask(port, 'POST', '/api/login', { password }, {}, true)
  assert.equal(login.status, 204)
  assert.equal(login.fingerprint, certificate.fingerprint)
  assert.match(String(login.headers['set-cookie']), /^__Host-outpost=.*; Secure$/)
  const there = { cookie: cookieOf(login) }
  const state = JSON.parse((await ask(port, 'GET', '/api/state', undefined, there, true)).text)
  assert.ok(state.trialLeftMs > 60_000)
  assert.equal((await ask(port, 'POST', '/api/confirm', {}, there, true)).status, 204)
  await assert.rejects(ask(port, 'GET', '/healthz'), 'nothing is served in clear any more')
})

test('a line is listened to from the page, and comes back as settings', { skip: missing('socat'), timeout: 60_000 }, async () => {
  const { box, port } = await open('ear')
  const cookie = await claim(box, port)
  const pair = await ptyPair(`${dir}/ear-box`, `${dir}/ear-plc`)
  const path = readlinkSync(`${dir}/ear-box`)
  const plc = openSync(`${dir}/ear-plc`, 'r+')
  const talk = setInterval(() => writeSync(plc, '5011 181234E12101001\x14'), 200)
  try {
    const heard = await ask(port, 'POST', '/api/sniff', { path, seconds: 10 }, { cookie })
    const lines = heard.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(lines.at(-1)?.source?.decode, 'contact-id', heard.text)
    assert.equal(lines.at(-1)?.source?.path, path)
    assert.equal((await ask(port, 'POST', '/api/sniff', { path: '/dev/../etc/passwd' }, { cookie })).status, 404)
    assert.equal((await ask(port, 'POST', '/api/sniff', { path: 'ttyUSB0' }, { cookie })).status, 400)
  } finally {
    clearInterval(talk)
    closeSync(plc)
    await stop(pair)
  }
})

/** What slow ones begin with; an octet follows every half second. */
const beginnings = {
  'slow heads': 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ',
  'slow bodies':
    'POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"password":"',
  'nothing at all': '',
}
const crowd = 200

/** Connections by the hundred; how many of them are closed. */
function slowly(port: number, beginning: string): { closed(): number; end(): void } {
  let closed = 0
  const sockets = Array.from({ length: crowd }, () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('close', () => closed++)
    // Whoever does not read hears of no end.
    socket.resume()
    socket.write(beginning)
    return socket
  })
  const dripping = setInterval(() => {
    for (const socket of sockets) if (beginning !== '' && socket.writable) socket.write('x')
  }, 500)
  const end = () => {
    clearInterval(dripping)
    for (const socket of sockets) socket.destroy()
  }
  return { closed: () => closed, end }
}

/** Slow ones of each kind, one crowd after the other; of the last one it is seen that it is cut off, since that takes its time. */
async function crowded(tls: boolean, kinds: (keyof typeof beginnings)[]): Promise<void> {
  const { box, port } = await open(tls ? 'slow-tls' : 'slow', tls ? { web: { tls: 'own' } } : {})
  const cookie = await claim(box, port, tls)
  const stream = await watch(port, cookie, tls)
  const before = box.memory().now
  for (const kind of kinds) {
    const slow = slowly(port, beginnings[kind])
    try {
      for (let i = 0; i < 20; i++) {
        assert.equal((await ask(port, 'GET', '/api/state', undefined, { cookie }, tls)).status, 200, kind)
        await sleep(50)
      }
      assert.ok(box.memory().now - before < 24 * 1024 * 1024, `${kind}: ${box.memory().now - before} octets more`)
      if (kind === kinds.at(-1)) await until(`${kind} are cut off`, 20_000, () => slow.closed() === crowd)
    } finally {
      slow.end()
    }
  }
  assert.ok(!stream.destroyed, 'whoever waits for an answer keeps the connection')
  stream.destroy()
}

test(`slow HTTP (slowloris, CWE-400): ${crowd} connections of each kind, in clear and over TLS, keep nobody out, cost no memory, and are cut off`, {
  timeout: 60_000,
}, async () => {
  await Promise.all([
    crowded(false, ['nothing at all', 'slow bodies', 'slow heads']),
    crowded(true, ['slow heads', 'slow bodies', 'nothing at all']),
  ])
})

test('resource exhaustion (CWE-400): a body without end is cut at its limit, and its memory is not kept', { timeout: 60_000 }, async () => {
  const { box, port } = await open('flood')
  const cookie = await claim(box, port)
  const before = box.memory().now
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('error', () => {})
  socket.on('data', (octets) => {
    answer += octets
  })
  socket.write(
    `POST /api/alerts HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ${cookie}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  for (let i = 0; i < 1000 && !socket.destroyed && answer === ''; i++) {
    if (!socket.write(piece)) await sleep(2)
  }
  await until('it is answered', 10_000, () => answer !== '' || socket.destroyed)
  assert.match(answer, /^HTTP\/1\.1 413 /)
  socket.destroy()
  assert.equal((await ask(port, 'GET', '/api/state', undefined, { cookie })).status, 200)
  assert.ok(box.memory().now - before < 24 * 1024 * 1024, `${box.memory().now - before} octets more`)
})
