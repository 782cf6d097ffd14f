import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { stampNow } from '../../src/alert/stamp.ts'
import { nodePorts } from '../../src/ports/node.ts'
import type { Offer } from '../../src/queue/offer.ts'
import { Queue } from '../../src/queue/queue.ts'
import { missing, run } from '../peers/process.ts'

/** The journal on a real disk that is full; calls.test.ts has the disk that fails. */
const privileged = process.getuid?.() === 0 && existsSync('/dev/loop-control') ? false : 'needs root and loop devices'
const { clock, disk, log } = nodePorts({ level: 'error' })
const open = (dir: string) => Queue.open({ disk, clock, log, dir: `${dir}/journal`, maxMiB: 64 })
const offer = (severity: Offer['severity']): Offer => ({
  source: 's',
  text: 'x'.repeat(900),
  severity,
  state: 'event',
  to: ['ops'],
  stamp: stampNow(clock),
})

test('on a disk of 12 MiB info is refused first and critical last; full to the last octet it opens, drains, and goes on when space returns', {
  skip: missing('mkfs.ext4', 'losetup') || privileged,
  timeout: 120_000,
}, async () => {
  const dir = mkdtempSync(`${tmpdir()}/outpost-full-`)
  const mnt = `${dir}/mnt`
  mkdirSync(mnt)
  try {
    run('sh', ['-c', `truncate -s 12M ${dir}/image && mkfs.ext4 -q -m 0 -F ${dir}/image && mount -o loop,noatime ${dir}/image ${mnt}`])
    const queue = await open(mnt)
    const refused: string[] = []
    let accepted = 0
    for (let i = 0; i < 20_000 && refused.length < 3; i++) {
      for (const severity of ['info', 'warning', 'critical'] as const) {
        if (refused.includes(severity)) continue
        const one = await queue.accept(offer(severity))
        if (one.kind === 'accepted') accepted++
        else refused.push(severity)
      }
    }
    assert.deepEqual(refused, ['info', 'warning', 'critical'])
    await queue.close()
    // The kernel gives blocks late: what one writer could not have, the next one may.
    for (const size of ['128k', '4k', '1k', '1k', '1k'])
      spawnSync('sh', ['-c', `dd if=/dev/zero bs=${size} >> ${mnt}/filler; sync`], { stdio: 'ignore' })
    const left = (await disk.room(mnt)).bytes
    assert.ok(left < 8192, `${left} octets are left`)
    const full = await open(mnt)
    const waiting = full.waiting.ids(1e6)
    assert.equal(waiting.length, accepted, 'nothing acknowledged was lost')
    for (const id of waiting) {
      assert.ok(await full.read(id))
      full.mark(id, { kind: 'delivered', to: ['ops'] })
    }
    await full.sync()
    await full.close()
    assert.ok((await disk.room(mnt)).bytes >= left, 'draining took no new space')
    rmSync(`${mnt}/filler`)
    const after = await open(mnt)
    assert.equal(after.waiting.size, 0)
    assert.equal((await after.accept(offer('info'))).kind, 'accepted')
    await after.close()
  } finally {
    spawnSync('umount', [mnt])
    rmSync(dir, { recursive: true, force: true })
  }
})
