import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { layNative } from '../../firmware-host/image/bundle.ts'

const root = resolve(import.meta.dirname, '../..')

test('the native package has all that it needs when it stands alone, and no library of another system', () => {
  const home = mkdtempSync(join(tmpdir(), 'outpost-bundle-'))
  try {
    layNative(root, home, { arch: process.arch as 'x64' | 'arm64' })
    const done = spawnSync(process.execPath, ['-e', "console.log(typeof require('@serialport/bindings-cpp').autoDetect)"], {
      cwd: home,
      encoding: 'utf8',
    })
    assert.equal(done.stdout, 'function\n', done.stderr)
    assert.deepEqual(readdirSync(join(home, 'node_modules/@serialport/bindings-cpp/prebuilds')), [`linux-${process.arch}`])
  } finally {
    rmSync(home, { recursive: true })
  }
})
