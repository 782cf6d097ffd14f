import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { NetError } from '../../src/ports/net.ts'
import { listening, whyNoPlace } from '../../src/ports/node/listening.ts'

/** What is said of a place that cannot be had. */
async function refusal(port: number, host: string): Promise<string> {
  const server = createServer()
  try {
    await listening(server, port, host)
  } catch (error) {
    assert.ok(error instanceof NetError)
    return error.message
  } finally {
    server.close()
  }
  assert.fail('it listens')
}

test('a place that cannot be had is told with what to do about it', async () => {
  const other = createServer()
  await listening(other, 0, '127.0.0.1')
  const { port } = other.address() as { port: number }
  assert.equal(await refusal(port, '127.0.0.1'), `Something else listens on 127.0.0.1:${port} already. Stop it, or choose another port.`)
  other.close()
  assert.equal(
    await refusal(8080, '192.0.2.1'),
    'This machine has no address 192.0.2.1, or not yet. 0.0.0.0:8080 listens on all that it has.',
  )
})

test('a port of the system is told with the setting that gives it out', () => {
  const denied = Object.assign(new Error('denied'), { code: 'EACCES' })
  assert.match(whyNoPlace('0.0.0.0', 443, denied), /on 0\.0\.0\.0:443\. Choose a port from 1024 on, .*ip_unprivileged_port_start=443$/)
  assert.match(whyNoPlace('::', 25, denied), /on \[::\]:25\./)
})
