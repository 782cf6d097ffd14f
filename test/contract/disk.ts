import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Disk, isDiskError, replaceFile, writeAll } from '../../src/ports/disk.ts'

/** What every Disk does, whatever it is made of. */
export function diskContract(name: string, make: () => Promise<{ disk: Disk; dir: string; done(): Promise<void> }>): void {
  const on = (what: string, story: (disk: Disk, dir: string) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const { disk, dir, done } = await make()
      try {
        await story(disk, dir)
      } finally {
        await done()
      }
    })
  const text = async (disk: Disk, path: string) => Buffer.from(await disk.read(path)).toString()

  on('a file holds what was written, at the place where it was written', async (disk, dir) => {
    const file = await disk.open(`${dir}/a`, { create: true })
    await writeAll(file, 0, Buffer.from('hello world'))
    await writeAll(file, 6, Buffer.from('there'))
    await file.sync()
    assert.equal(Buffer.from(await file.read(6, 100)).toString(), 'there')
    await file.close()
    assert.equal(await text(disk, `${dir}/a`), 'hello there')
    assert.equal(await disk.size(`${dir}/a`), 11)
  })

  on('what was opened for reading alone is read, and not written', async (disk, dir) => {
    await disk.write(`${dir}/a`, Buffer.from('hello'))
    const file = await disk.open(`${dir}/a`, { readOnly: true })
    assert.equal(Buffer.from(await file.read(1, 3)).toString(), 'ell')
    await assert.rejects(file.write(0, Buffer.from('x')))
    await file.close()
    assert.equal(await text(disk, `${dir}/a`), 'hello')
  })

  on('what is missing is missing: ENOENT, or no size', async (disk, dir) => {
    for (const deed of [
      () => disk.open(`${dir}/x`),
      () => disk.read(`${dir}/x`),
      () => disk.remove(`${dir}/x`),
      () => disk.rename(`${dir}/x`, `${dir}/y`),
      () => disk.list(`${dir}/none`),
      () => disk.removeDir(`${dir}/none`),
    ])
      await assert.rejects(deed, (error) => isDiskError(error, 'ENOENT'))
    assert.equal(await disk.size(`${dir}/x`), undefined)
  })

  on('a file is replaced as a whole, and nothing is left over', async (disk, dir) => {
    await replaceFile(disk, dir, 'a', Buffer.from('a long first content'))
    await replaceFile(disk, dir, 'a', Buffer.from('second'))
    assert.equal(await text(disk, `${dir}/a`), 'second')
    assert.deepEqual(await disk.list(dir), ['a'])
  })

  on('a directory is removed when it is empty, and not before', async (disk, dir) => {
    await disk.makeDir(`${dir}/room`)
    await disk.write(`${dir}/room/a`, Buffer.from('a'))
    await assert.rejects(disk.removeDir(`${dir}/room`), (error) => isDiskError(error, 'ENOTEMPTY'))
    assert.deepEqual(await disk.list(`${dir}/room`), ['a'])
    await disk.remove(`${dir}/room/a`)
    await disk.removeDir(`${dir}/room`)
    assert.deepEqual(await disk.list(dir), [])
  })

  on('directories are made with their parents, and listed by name', async (disk, dir) => {
    await disk.makeDir(`${dir}/deep/er`)
    await disk.makeDir(`${dir}/deep/er`)
    await disk.write(`${dir}/deep/er/b`, Buffer.from('b'))
    await disk.write(`${dir}/deep/er/a`, Buffer.from('a'))
    assert.deepEqual(await disk.list(`${dir}/deep/er`), ['a', 'b'])
    await disk.remove(`${dir}/deep/er/a`)
    await disk.sync(`${dir}/deep/er`)
    assert.deepEqual(await disk.list(`${dir}/deep/er`), ['b'])
    await assert.rejects(disk.list(`${dir}/deep/er/b`), (error) => isDiskError(error, 'ENOTDIR'))
  })

  on('a file that is larger than wanted is not read', async (disk, dir) => {
    await disk.write(`${dir}/big`, new Uint8Array(100))
    await assert.rejects(disk.read(`${dir}/big`, 99), (error) => isDiskError(error, 'EFBIG'))
  })

  on('a directory has one holder at a time', async (disk, dir) => {
    const unlock = await disk.lock(dir)
    assert.ok(unlock)
    assert.equal(await disk.lock(dir), undefined)
    await unlock()
    const again = await disk.lock(dir)
    assert.ok(again)
    await again()
  })

  on('there is room, and it is told', async (disk, dir) => {
    const room = await disk.room(dir)
    assert.ok(room.bytes > 0 && room.inodes > 0)
  })
}
