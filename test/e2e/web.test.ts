import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmSync, writeSync } from 'node:fs'
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

async function open(name: string, settings: object = {}): Promise<{ box: Outpost; port: number }> {
  const port = await freePort()
  const box = new Outpost(`${dir}/${name}`, { broker: { enabled: false }, web: { listen: `127.0.0.1:${port}` }, ...settings })
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

async function claim(box: Outpost, port: number): Promise<string> {
  const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(box.said)?.[0]
  const claimed = await ask(port, 'POST', '/api/claim', { code, password })
  assert.equal(claimed.status, 204, claimed.text)
  return cookieOf(claimed)
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

test('whoever sends slowly, or opens connections by the hundred, is cut off, and the page answers all the while (slowloris)', {
  timeout: 60_000,
}, async () => {
  const { box, port } = await open('slow')
  const cookie = await claim(box, port)
  const before = box.memory().now
  const slow: Socket[] = []
  let cut = 0
  for (let i = 0; i < 100; i++) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('close', () => cut++)
    // Whoever does not read hears of no end.
    socket.resume()
    socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ')
    slow.push(socket)
  }
  await sleep(500)
  for (let i = 0; i < 10; i++) assert.equal((await ask(port, 'GET', '/api/state', undefined, { cookie })).status, 200)
  await until('they are cut off', 20_000, () => cut === 100)
  assert.ok(box.memory().now - before < 24 * 1024 * 1024, `${box.memory().now - before} octets more`)
  for (const socket of slow) socket.destroy()
})

test('a body without end is cut at its limit, and its memory is not kept', { timeout: 60_000 }, async () => {
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

test('a box that was never told of a relay or a broker asks nobody for anything (no telemetry)', {
  skip: missing('strace'),
  timeout: 60_000,
}, async () => {
  const port = await freePort()
  const box = new Outpost(`${dir}/quiet`, { broker: { enabled: false }, web: { listen: `127.0.0.1:${port}` } })
  const program = new URL('../../bin/outpost', import.meta.url).pathname
  const trace = `${dir}/trace`
  let traced: ChildProcess | undefined
  try {
    traced = spawn(
      'strace',
      ['-f', '-qq', '-o', trace, '-e', 'trace=listen,connect,sendto,sendmsg,sendmmsg', program, 'run', '--data', box.data],
      {
        detached: true,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    let log = ''
    traced.stderr?.on('data', (octets) => {
      log += octets
    })
    await until('it works', 30_000, () => log.includes('gateway: ready'))
    await sleep(3000)
    await ask(port, 'GET', '/healthz')
  } finally {
    // Both of them: strace alone would leave the gateway running.
    if (traced?.pid) process.kill(-traced.pid, 'SIGTERM')
    await stop(traced)
  }
  const calls = readFileSync(trace, 'utf8').split('\n')
  assert.ok(
    calls.some((line) => line.includes('listen(')),
    'the trace saw it listen',
  )
  const out = calls.filter((line) => /AF_INET6?/.test(line))
  assert.deepEqual(out, [])
})
