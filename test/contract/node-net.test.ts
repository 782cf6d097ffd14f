import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { NetError } from '../../src/ports/net.ts'
import { NodeNet } from '../../src/ports/node/net.ts'
import { trustedWith } from '../../src/ports/node/tls.ts'

/** What only the real Net has: several addresses of a name, files, the authorities of the system. */
const isNetError = (code: string) => (error: unknown) => error instanceof NetError && error.stage === 'connect' && error.code === code

/** A name with two addresses. */
class TwoHomes extends NodeNet {
  override async resolve(): Promise<string[]> {
    return ['127.0.0.2', '127.0.0.1']
  }
}

test('when the first address of a name refuses, the next one is tried', async () => {
  const server = createServer((socket) => socket.end('220 relay\r\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(address && typeof address === 'object')
  const wire = await new TwoHomes().connect({ host: 'relay.example.org', port: address.port, timeoutMs: 5000 })
  assert.equal(Buffer.from((await wire.read()) ?? []).toString(), '220 relay\r\n')
  wire.close()
  await new Promise((resolve) => server.close(resolve))
  await assert.rejects(
    new TwoHomes().connect({ host: 'relay.example.org', port: address.port, timeoutMs: 5000 }),
    isNetError('ECONNREFUSED'),
  )
})

test('a socket with a path is for this user alone, however long its name is, and leaves no file', async () => {
  const top = mkdtempSync(`${tmpdir()}/outpost-net-`)
  const dir = `${top}/${'deep/'.repeat(30)}`
  const net = new NodeNet()
  try {
    for (const path of [`${top}/control.sock`, `${dir}control.sock`]) {
      if (path.length > 107)
        await assert.rejects(
          net.listenPath(path, () => {}),
          isNetError('ENOENT'),
        )
      if (path.length > 107) await assert.rejects(net.connectPath(path), isNetError('ENOENT'))
      mkdirSync(dir, { recursive: true })
      const listener = await net.listenPath(path, (wire) => void wire.write(Buffer.from('here')).then(() => wire.close()))
      assert.equal(statSync(path).mode & 0o777, 0o600)
      const wire = await net.connectPath(path)
      assert.equal(Buffer.from((await wire.read()) ?? []).toString(), 'here')
      wire.close()
      await listener.close()
      assert.equal(statSync(path, { throwIfNoEntry: false }), undefined)
      rmSync(dir, { recursive: true, force: true })
    }
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
})

test('an authority of the settings is added to the known ones, and takes none away', () => {
  const own = '-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n'
  const trusted = new Set(trustedWith(own))
  assert.ok(trusted.has(own))
  assert.deepEqual(
    rootCertificates.filter((root) => !trusted.has(root)),
    [],
  )
  assert.ok(!trustedWith().includes(own))
})
