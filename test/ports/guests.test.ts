import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { NodeServe } from '../../src/ports/node/serve.ts'
import type { ServedWire } from '../../src/ports/serve.ts'

const loopback = { host: '0.0.0.0', port: 0 }

/** A server of so many seats that greets whoever has one; those who say `login` are welcome. */
async function seated(maxConnections: number) {
  const server = await new NodeServe().listen({ ...loopback, maxConnections }, (wire) => void greet(wire))
  const come = async (from = '127.0.0.1', says = ''): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port: server.port, localAddress: from })
    socket.on('error', () => {})
    if (says) socket.write(says)
    const [greeting] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])])
    assert.equal(String(greeting), 'hello', 'it has a seat')
    if (says) assert.equal(String((await once(socket, 'data'))[0]), 'welcome')
    return socket
  }
  return { server, come }
}

async function greet(wire: ServedWire): Promise<void> {
  try {
    await wire.write(Buffer.from('hello'))
    await wire.read()
    wire.welcome()
    await wire.write(Buffer.from('welcome'))
    await wire.read()
  } catch {
    // Pushed out.
  }
  wire.close()
}

const gone = async (socket: Socket): Promise<void> => {
  if (!socket.closed) await once(socket, 'close')
}

test('resource exhaustion (CWE-400): strangers who hold every seat keep nobody out, and who is logged in stays', async () => {
  const { server, come } = await seated(4)
  const reader = await come('127.0.0.1', 'login')
  const held = [await come('127.0.0.2'), await come('127.0.0.2'), await come('127.0.0.2')]
  const owner = await come('127.0.0.1')
  await gone(held[0] as Socket)
  // Whoever comes again and again pushes out itself.
  const again = [await come('127.0.0.2'), await come('127.0.0.2'), await come('127.0.0.2')]
  for (const one of [...held, again[0] as Socket]) await gone(one)
  assert.deepEqual([reader.closed, owner.closed], [false, false])
  for (const one of [reader, owner, ...again]) one.destroy()
  await server.close()
})

test('where everybody is logged in a newcomer has to wait', async () => {
  const { server, come } = await seated(2)
  const readers = [await come('127.0.0.1', 'login'), await come('127.0.0.1', 'login')]
  await assert.rejects(come('127.0.0.3'), /it has a seat/)
  assert.ok(readers.every((one) => !one.closed))
  readers[0]?.destroy()
  await gone(readers[0] as Socket)
  for (let tries = 0; tries < 50; tries++) {
    const socket = await come('127.0.0.3').catch(() => undefined)
    socket?.destroy()
    if (socket) break
    assert.ok(tries < 49, 'there is room again')
  }
  for (const one of readers) one.destroy()
  await server.close()
})
