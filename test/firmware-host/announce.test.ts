import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { renderUnicodeCompact } from 'uqr'
import { announce } from '../../firmware-host/first-boot/announce.ts'
import type { Device } from '../../firmware-host/first-boot/identity.ts'

const unclaimed: Device = { id: '0123456789abcdef', access: { claim: 'ABCD-2345' } }

/** What a box says of itself whose gateway exports these settings (undefined: it cannot), by the names of the files; `svg`: the address that the label was asked for. */
function announced(settings: object | undefined, device = unclaimed, key?: string): Record<string, string> {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-announce-'))
  const [run, start] = [join(dir, 'run'), join(dir, 'start')]
  const command = (...words: string[]) => {
    if (words[0] === 'settings') return { status: settings ? 0 : 1, out: JSON.stringify(settings), err: '' }
    assert.deepEqual(words.slice(0, 3), ['board', 'label', '--address'])
    return { status: 0, out: words[3] ?? '', err: '' }
  }
  try {
    for (const path of [run, start]) mkdirSync(path)
    announce({ run, start, command }, device, { hostName: 'outpost-cdef', key })
    const files = (path: string) => readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'utf8')])
    return Object.fromEntries([...files(run), ...files(start)])
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('a box that was provisioned with another port and TLS says so on label, console and QR code', () => {
  const told = announced({ web: { listen: '0.0.0.0:8443', tls: 'own', hosts: [] } }, unclaimed, 'k'.repeat(16))
  const address = 'https://outpost-cdef.local:8443/'
  const ap = `  Wi-Fi outpost-cdef, key ${'k'.repeat(16)}, then https://192.168.77.1:8443/`
  assert.equal(told['outpost-label.txt'], `${ap}\r\n  ${address}\r\n  Claim code ABCD-2345\r\n`)
  assert.equal(told['outpost-label.svg'], address)
  assert.ok(told.console?.includes(`${ap}\n  ${address}\n`), told.console)
  assert.ok(told.console?.includes(renderUnicodeCompact(`${address}#/claim/ABCD-2345`)))
  assert.equal(told.page, 'https://0.0.0.0:8443/')
})

test('a box whose settings say nothing of the page, or cannot be read, says where it is then', () => {
  for (const settings of [{}, undefined]) {
    const told = announced(settings)
    assert.equal(told['outpost-label.txt'], '  http://outpost-cdef.local/\r\n  Claim code ABCD-2345\r\n')
    assert.equal(told['outpost-label.svg'], 'http://outpost-cdef.local/')
    assert.equal(told.unclaimed, '')
  }
})

test('a box that was claimed says nothing', () => {
  assert.deepEqual(announced({}, { id: unclaimed.id, access: { claim: 'ABCD-2345', password: 'x' } }), {})
})
