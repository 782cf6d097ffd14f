import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliver } from '../../src/mailbox/maildir.ts'
import { sweep } from '../../src/mailbox/retention.ts'
import { SimDisk } from '../sim/world/disk.ts'

const root = 'mailbox'
const put = (disk: SimDisk, user: string, seconds: number, bytes = 100) =>
  deliver(disk, root, user, `${seconds}.O${seconds}.aa`, Buffer.alloc(bytes, 'x'))
const left = async (disk: SimDisk, user: string) => [
  ...(await disk.list(`${root}/${user}/new`)),
  ...(await disk.list(`${root}/${user}/cur`)),
]

test('what is too old goes, of every user; by a clock that nobody has set nothing is old', async () => {
  const disk = new SimDisk()
  for (const user of ['ops', 'night']) for (const seconds of [100, 200, 300]) await put(disk, user, seconds)
  assert.deepEqual(await sweep(disk, root, { old: undefined, maxBytes: 10_000 }), { old: 0, squeezed: 0, bytes: 600 })
  assert.deepEqual(await sweep(disk, root, { old: { from: 50, before: 200 }, maxBytes: 10_000 }), { old: 2, squeezed: 0, bytes: 400 })
  assert.deepEqual(await left(disk, 'ops'), ['200.O200.aa', '300.O300.aa'])
})

test('when the room is short, mail that was read goes first, and the oldest of what was not', async () => {
  const disk = new SimDisk()
  for (const seconds of [100, 200, 300, 400]) await put(disk, 'ops', seconds)
  await disk.rename(`${root}/ops/new/300.O300.aa`, `${root}/ops/cur/300.O300.aa:2,S`)
  assert.deepEqual(await sweep(disk, root, { old: undefined, maxBytes: 250 }), { old: 0, squeezed: 2, bytes: 200 })
  assert.deepEqual(await left(disk, 'ops'), ['200.O200.aa', '400.O400.aa'])
})

test('without a mailbox there is nothing to tidy', async () => {
  assert.deepEqual(await sweep(new SimDisk(), root, { old: { from: 0, before: 1 }, maxBytes: 1 }), { old: 0, squeezed: 0, bytes: 0 })
})

test('mail that was written while the clock was wrong by years is not taken for old', async () => {
  const disk = new SimDisk()
  await put(disk, 'ops', 10)
  assert.equal((await sweep(disk, root, { old: { from: 50, before: 200 }, maxBytes: 10_000 })).old, 0)
})
