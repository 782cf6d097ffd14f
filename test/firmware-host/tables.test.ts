import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DiskImage } from '../../firmware-host/image/disk.ts'
import { layoutFor } from '../../firmware-host/image/layout.ts'

/** Another reader of partition tables: libblkid, by partx of util-linux. */
type Row = { nr: number; start: string; sectors: string; uuid: string; name: string | null }

async function readBack(board: Parameters<typeof layoutFor>[0]): Promise<{ rows: Row[]; layout: ReturnType<typeof layoutFor> }> {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-table-'))
  try {
    const layout = layoutFor(board)
    const path = join(dir, 'disk.img')
    await (await DiskImage.create(path, layout)).close()
    const done = spawnSync('partx', ['--pairs', '--output', 'NR,START,SECTORS,UUID,NAME', path], { encoding: 'utf8' })
    assert.equal(done.status, 0, `partx of util-linux reads the table: ${done.stderr}`)
    const rows = done.stdout
      .trim()
      .split('\n')
      .map((line) => {
        const fields = Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key?.toLowerCase(), value]))
        return { ...fields, nr: Number(fields.nr) } as unknown as Row
      })
    return { rows, layout }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('the GPT of a PC is read by others: start, two roots, data, each with its id and name', async () => {
  const { rows, layout } = await readBack({ name: 'generic-x86-64', boot: { recipe: 'grub-efi', cmdline: [], console: 'ttyS0' } })
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['outpost-start', 'outpost-root-a', 'outpost-root-b', 'outpost-data'],
  )
  for (const [index, { offset, size, uuid }] of layout.partitions.entries()) {
    assert.equal(rows[index]?.uuid, uuid)
    assert.equal(Number(rows[index]?.start) * 512, offset)
    assert.equal(Number(rows[index]?.sectors) * 512, size)
  }
})

test('the MBR of a Raspberry Pi is read by others: three primary FATs, and logical partitions from number 5', async () => {
  const boot = { recipe: 'raspberry-pi', deviceTree: 'x.dtb', configTxt: [], cmdline: [], console: 'tty1' } as const
  const { rows, layout } = await readBack({ name: 'raspberry-pi-4b', boot: { ...boot, configTxt: [], cmdline: [] } })
  const partitions = rows.filter(({ nr }) => nr !== 4)
  assert.deepEqual(
    partitions.map(({ nr }) => nr),
    [1, 2, 3, 5, 6, 7],
  )
  for (const [index, { offset, size, uuid, number }] of layout.partitions.entries()) {
    assert.equal(partitions[index]?.nr, number)
    assert.equal(partitions[index]?.uuid, uuid)
    assert.equal(Number(partitions[index]?.start) * 512, offset)
    assert.equal(Number(partitions[index]?.sectors) * 512, size)
  }
})

test('every build of a board has the same ids, and no two boards share one', () => {
  const boot = { recipe: 'grub-efi', cmdline: [], console: 'ttyS0' } as const
  const ids = (name: string) => layoutFor({ name, boot: { ...boot, cmdline: [] } }).partitions.map(({ uuid }) => uuid)
  assert.deepEqual(ids('a-board'), ids('a-board'))
  assert.equal(new Set([...ids('a-board'), ...ids('b-board')]).size, 8)
})
