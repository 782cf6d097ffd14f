import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { run, sleep } from '../../peers/process.ts'
import type { Peer } from './peer.ts'
import type { Site } from './site.ts'
import { Stand } from './stand.ts'

/** (h) What reaches the block device of an alert, from its arrival until it has left; all peers at the same time, each on a disk of its own. */
export type Wear = { octets: number; writes: number; flushes: number; delivered: number }

const warmUp = 20
const count = 300
const perSecond = 10
const limitMs = 60_000

export async function measureWear(site: Site, peers: readonly Peer[], say: (text: string) => void): Promise<Map<string, Wear>> {
  const found = new Map<string, Wear>()
  const one = async (peer: Peer) => {
    const wear = await wearOf(site, peer)
    found.set(peer.id, wear)
    say(`${peer.id}: ${wear.octets.toFixed(0)} octets, ${wear.writes.toFixed(2)} writes, ${wear.flushes.toFixed(2)} flushes an alert`)
  }
  const ended = await Promise.allSettled(peers.map(one))
  for (const end of ended) if (end.status === 'rejected') throw end.reason
  return found
}

async function wearOf(site: Site, peer: Peer): Promise<Wear> {
  const dir = `${site.dir}/h-${peer.id}`
  const path = `${dir}/box`
  mkdirSync(path, { recursive: true })
  run('sh', ['-c', `truncate -s 96M ${dir}/image && mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 ${dir}/image`])
  const loop = run('losetup', ['-f', '--show', `${dir}/image`]).trim()
  let stand: Stand | undefined
  try {
    run('mount', ['-o', 'noatime', loop, path])
    stand = await Stand.open(site, peer, 'h', { dir: path })
    await stand.begin()
    await stand.publishAll(warmUp, perSecond)
    await stand.drained(limitMs)
    await sleep(2000)
    run('sync', ['-f', path])
    const before = statOf(loop)
    await stand.publishAll(count, perSecond)
    await stand.drained(limitMs)
    // What was put off reaches the disk, too; what was deleted before does not.
    await sleep(2000)
    run('sync', ['-f', path])
    const after = statOf(loop)
    const per = (field: number, unit = 1) => (((after[field] ?? 0) - (before[field] ?? 0)) * unit) / count
    return { octets: per(6, 512), writes: per(4), flushes: per(15), delivered: stand.deliveredCount }
  } finally {
    await stand?.close()
    spawnSync('umount', [path])
    spawnSync('losetup', ['-d', loop])
    rmSync(`${dir}/image`, { force: true })
  }
}

/** Documentation/block/stat.rst: writes, sectors written, flushes. */
const statOf = (loop: string): number[] =>
  readFileSync(`/sys/block/${loop.slice(5)}/stat`, 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number)
