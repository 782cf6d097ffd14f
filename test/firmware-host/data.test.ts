import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, cpSync, fsyncSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeData } from '../../firmware-host/image/data.ts'
import { writeFileWhole } from '../../firmware-host/update/status.ts'

/** The data partition of the image on a loop device, and a power cut: what its file has at that moment, put right by the program that comes first at a boot. */
const dir = mkdtempSync(join(tmpdir(), 'outpost-data-'))
const mounted: string[] = []
after(() => {
  for (const place of mounted) spawnSync('umount', [place])
  rmSync(dir, { recursive: true, force: true })
})

const whyNot = (): string | undefined => {
  if (process.getuid?.() !== 0) return 'Mounting a file needs root.'
  if (spawnSync('losetup', ['--find']).status !== 0) return 'This machine has no loop devices.'
  return undefined
}

function mount(image: string, name: string, how: string): string {
  const place = join(dir, name)
  mkdirSync(place)
  const done = spawnSync('mount', ['-t', 'ext4', '-o', how, image, place], { encoding: 'utf8' })
  assert.equal(done.status, 0, done.stderr)
  mounted.push(place)
  return place
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  fsyncSync(file)
  closeSync(file)
}

const contents = (place: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(place, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [join(entry.parentPath, entry.name).slice(place.length), readFileSync(join(entry.parentPath, entry.name), 'utf8')]),
  )

test('a power cut takes nothing that was synced from the data partition', { skip: whyNot() ?? false }, async () => {
  const image = join(dir, 'data.ext4')
  await makeData(image, { board: 'of-the-test', size: 64 * 1024 * 1024, epoch: 1_700_000_000 })
  const place = mount(image, 'box', 'loop,noatime')
  for (let round = 0; round < 6; round += 1) {
    mkdirSync(join(place, `folder-${round}`))
    writeFileWhole(join(place, `folder-${round}/note.json`), `note ${round}`)
    writeFileWhole(join(place, 'tried.json'), `tried ${round}`)
    if (round % 2 === 0) rmSync(join(place, 'tried.json'))
    sync(place)
    const cut = join(dir, `cut-${round}.ext4`)
    cpSync(image, cut)
    const checked = spawnSync('e2fsck', ['-p', cut], { encoding: 'utf8' })
    assert.ok(checked.status === 0 || checked.status === 1, checked.stdout + checked.stderr)
    assert.doesNotMatch(checked.stderr, /while recovering/)
    assert.deepEqual(contents(mount(cut, `back-${round}`, 'loop,ro')), contents(place))
    rmSync(cut)
  }
})
