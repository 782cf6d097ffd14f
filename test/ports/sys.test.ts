import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { NodeSys } from '../../src/ports/node/sys.ts'

const sys = new NodeSys()

test('files of the kernel are read although they say that they are empty, and what is not there is undefined', async () => {
  assert.equal(await sys.read('/proc/sys/kernel/ostype'), 'Linux\n')
  assert.equal(await sys.read('/proc/nothing/of/the/kind'), undefined)
  assert.equal(await sys.read('/proc'), undefined, 'a directory')
  assert.ok(((await sys.read('/dev/zero')) ?? '').length <= 64 * 1024, 'what has no end is cut')
  assert.ok((await sys.list('/proc/self')).includes('mountinfo'))
  assert.deepEqual(await sys.list('/proc/nothing'), [])
})

test('only what is there is written, and a refusal is a sentence', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-sys-'))
  try {
    writeFileSync(`${dir}/brightness`, '0')
    assert.equal(await sys.write(`${dir}/brightness`, '1'), undefined)
    assert.equal(readFileSync(`${dir}/brightness`, 'utf8'), '1')
    assert.match((await sys.write(`${dir}/delay_on`, '1')) ?? '', /ENOENT/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('the device of a file is told as the kernel numbers it', async () => {
  // %Hd and %Ld of GNU stat are major and minor.
  const told = execFileSync('stat', ['-c', '%Hd:%Ld', '/'], { encoding: 'utf8' }).trim()
  assert.equal(await sys.deviceOf('/'), told)
  assert.equal(await sys.deviceOf('/nothing/here'), undefined)
})

test('a device is followed until it is cancelled, and its end is told once', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-sys-'))
  try {
    execFileSync('mkfifo', [`${dir}/button`])
    let heard = ''
    let wake = () => {}
    const ends: string[] = []
    const until = async (done: () => boolean) => {
      while (!done()) await new Promise<void>((resolve) => (wake = resolve))
    }
    const on = {
      data: (bytes: Uint8Array) => {
        heard += Buffer.from(bytes)
        wake()
      },
      closed: (why: string) => {
        ends.push(why)
        wake()
      },
    }
    sys.follow(`${dir}/button`, on)
    const writer = await open(`${dir}/button`, 'w')
    await writer.write('press')
    await until(() => heard === 'press')
    await writer.close()
    await until(() => ends.length > 0)
    assert.deepEqual(ends, [`${dir}/button has ended`])
    sys.follow(`${dir}/nothing`, on)
    await until(() => ends.length > 1)
    assert.match(ends[1] ?? '', /nothing/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
