import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import type { HttpListener } from '../../src/ports/http.ts'
import { NodeHttp } from '../../src/ports/node/http.ts'
import { until } from '../peers/process.ts'

/** The Http port over real sockets, against whoever asks more than he takes. */
const ask = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
/** More than the kernel takes for somebody who reads nothing. */
const large = new Uint8Array(16 * 1024 * 1024)
const listeners: HttpListener[] = []
const sockets: Socket[] = []

after(async () => {
  for (const socket of sockets) socket.destroy()
  for (const listener of listeners) await listener.close()
})

type Served = { port: number; asked(): number; abandoned(): number }

async function serve(answer: () => Promise<Response>, limits: { seats?: number; untakenMs?: number } = {}): Promise<Served> {
  let asked = 0
  let abandoned = 0
  const listener = await new NodeHttp(limits).listen({ host: '127.0.0.1', port: 0 }, async ({ signal }) => {
    asked++
    signal.addEventListener('abort', () => abandoned++)
    return answer()
  })
  listeners.push(listener)
  return { port: listener.port, asked: () => asked, abandoned: () => abandoned }
}

/** Says this and reads nothing; so it does not hear either that it is cut off. */
function deaf(port: number, words: string): void {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => {})
  socket.pause()
  socket.write(words)
}

function get(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, agent }, (answer) => {
      let text = ''
      answer.on('data', (piece) => {
        text += piece
      })
      answer.on('end', () => resolve(text))
      answer.on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}

test('slow HTTP (CWE-400): of questions that come in one piece the first is answered at most, and the connection is cut off', async () => {
  const { port, asked, abandoned } = await serve(async () => new Response(large))
  deaf(port, ask.repeat(800))
  await until('it is cut off', 5000, () => abandoned() > 0)
  assert.equal(asked(), 1)
})

test('one question after the other is answered in one connection, as often as somebody asks', async () => {
  const { port, asked } = await serve(async () => new Response('hello'))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let i = 0; i < 100; i++) assert.equal(await get(port, agent), 'hello')
  const used = Object.values(agent.freeSockets).flat()
  assert.equal(used.length, 1)
  assert.equal(asked(), 100)
  agent.destroy()
})

test('slow HTTP (CWE-400): an answer that nobody takes is not kept', async () => {
  const whole = await serve(async () => new Response(large), { untakenMs: 300 })
  deaf(whole.port, ask)
  await until('it is cut off', 5000, () => whole.abandoned() === 1)
  const endless = () => new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(large.subarray(0, 65_536)) })
  const pieces = await serve(async () => new Response(endless()), { untakenMs: 300 })
  deaf(pieces.port, ask)
  await until('also one that comes piece by piece', 5000, () => pieces.abandoned() === 1)
})

test('who waits for an answer that takes its time gets it, and a stream of events stays open while nothing happens', async () => {
  const late = await serve(
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000))
      return new Response('at last')
    },
    { untakenMs: 200 },
  )
  const agent = new Agent()
  assert.equal(await get(late.port, agent), 'at last')
  let tell = (_: string) => {}
  const stream = await serve(
    async () => {
      const body = new ReadableStream({
        start: (controller) => {
          tell = (words) => {
            controller.enqueue(Buffer.from(words))
            controller.close()
          }
          controller.enqueue(Buffer.from('hello, '))
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
    { untakenMs: 200 },
  )
  setTimeout(() => tell('and goodbye'), 1000)
  assert.equal(await get(stream.port, agent), 'hello, and goodbye')
})

test('slow HTTP (CWE-400): when all seats are taken by those who take no answer, a newcomer gets one', async () => {
  const { port, asked, abandoned } = await serve(async () => new Response(large), { seats: 4 })
  for (let i = 0; i < 4; i++) deaf(port, ask)
  await until('all have asked', 5000, () => asked() === 4)
  assert.equal((await get(port, new Agent())).length, large.length)
  assert.equal(abandoned(), 1)
})
