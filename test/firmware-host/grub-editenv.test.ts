import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { firstSlots, grubEnv } from '../../firmware-host/image/grub.ts'

/** The device's way around GRUB's own editor, with one in its place that does what that does to a file. */
const dir = mkdtempSync(`${tmpdir()}/outpost-grubenv-`)
after(() => rmSync(dir, { recursive: true, force: true }))
const script = new URL('../../firmware-host/rootfs/usr/local/bin/grub-editenv', import.meta.url).pathname
const block = `${dir}/grubenv`

/** Empties the file, as the real one does, and fills it with `then`. */
function edit(then: string, ...args: string[]): number | null {
  const real = `${dir}/real`
  const valid = 'grep -q "^# GRUB Environment Block" "$1"'
  writeFileSync(real, `#!/bin/sh\nset -e\ncase "$2" in list) ${valid};; create) ${then};; *) ${valid}; : > "$1"; ${then};; esac\n`, {
    mode: 0o755,
  })
  return spawnSync(script, [block, ...args], { env: { ...process.env, GRUB_EDITENV: real } }).status
}
const next = grubEnv({ ...firstSlots, ORDER: 'B A', B_OK: '1' })
const fill = `printf %s '${next}' > "$1"`

test('the environment block is written over and never emptied', () => {
  writeFileSync(block, grubEnv(firstSlots))
  const before = statSync(block).ino
  assert.equal(edit(fill, 'set', 'ORDER=B A', 'B_OK=1'), 0)
  assert.equal(readFileSync(block, 'utf8'), next)
  assert.equal(statSync(block).ino, before)
})

test('an editor that ends in between, or makes another kind of file, leaves the block as it was', () => {
  for (const then of ['kill -9 $$', 'exit 1', 'echo short > "$1"']) {
    writeFileSync(block, grubEnv(firstSlots))
    assert.notEqual(edit(then, 'set', 'A_TRY=0'), 0, then)
    assert.equal(readFileSync(block, 'utf8'), grubEnv(firstSlots), then)
  }
})

test('a block that was lost is begun anew', () => {
  writeFileSync(block, '')
  assert.equal(edit(fill, 'set', 'A_OK=1'), 0)
  assert.equal(readFileSync(block, 'utf8'), next)
})
