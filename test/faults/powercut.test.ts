import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { missing, run, sleep, start, stop, until } from '../peers/process.ts'
import { SimRandom } from '../sim/world/random.ts'
import { apply, type Entry, parse } from './entries.ts'

/**
 * Power cuts on a real ext4: a loop device over a file system that logs every write and flush of the kernel in order. A crash state is what
 * stood before some flush, and of the writes after it a random part, a fifth of them torn at 512 octets.
 */
const here = new URL('.', import.meta.url).pathname
const reason = missing('gcc', 'pkg-config', 'losetup', 'mkfs.ext4', 'fusermount3')
const privileged = process.getuid?.() === 0 && existsSync('/dev/fuse') && existsSync('/dev/loop-control')
const skip = reason || (privileged ? false : 'needs root, /dev/fuse and loop devices')
const imageBytes = 32 * 1024 * 1024

/** The log at the moment an acknowledgement was seen: everything before this octet had happened. */
type Ack = { name: string; at: number }

const sh = (script: string) => run('sh', ['-c', script])

/** Records a run of the writer; returns the log and when each alert was acknowledged. */
async function record(dir: string, store: string): Promise<{ entries: { entry: Entry; end: number }[]; acks: Ack[]; base: Buffer }> {
  mkdirSync(`${dir}/fuse`, { recursive: true })
  mkdirSync(`${dir}/mnt`)
  sh(
    `cd ${dir} && truncate -s ${imageBytes} image && mkfs.ext4 -q -F image && gcc -O1 -o blocklog ${here}blocklog.c $(pkg-config --cflags --libs fuse3)`,
  )
  const base = readFileSync(`${dir}/image`)
  const fuse = start(`${dir}/blocklog`, [`${dir}/image`, `${dir}/log`, `${dir}/fuse`])
  let loop = ''
  const acks: Ack[] = []
  try {
    await until('the logging disk is there', 5000, () => existsSync(`${dir}/fuse/disk`))
    loop = sh(`losetup -f --show ${dir}/fuse/disk`).trim()
    sh(`mount -o noatime ${loop} ${dir}/mnt`)
    writeFileSync(`${dir}/acks`, '')
    const writer: ChildProcess = spawn(process.execPath, [`${here}writer.ts`, store, `${dir}/mnt`, `${dir}/acks`, '400'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    let done = false
    writer.once('exit', () => {
      done = true
    })
    // The acknowledgements are read before the length of the log: an alert seen now was flushed before this point.
    for (let read = 0; ; ) {
      const ended = done
      const names = readFileSync(`${dir}/acks`, 'utf8').split('\n').filter(Boolean)
      const at = statSync(`${dir}/log`).size
      for (; read < names.length; read++) acks.push({ name: names[read] ?? '', at })
      if (ended) break
      await sleep(2)
    }
    // What lowdb never synced must be able to reach the disk by the kernel's own timer only; the run ends here, as a power cut does.
  } finally {
    spawnSync('umount', [`${dir}/mnt`])
    if (loop) spawnSync('losetup', ['-d', loop])
    spawnSync('fusermount3', ['-u', `${dir}/fuse`])
    await stop(fuse)
  }
  return { entries: parse(readFileSync(`${dir}/log`)), acks, base }
}

/** Cuts the power `cuts` times; returns how many cuts lost an acknowledged alert, and how many alerts in all. */
async function cutOften(
  dir: string,
  store: string,
  cuts: number,
  seed: number,
): Promise<{ lost: number; alerts: number; errors: number; acknowledged: number }> {
  const { entries, acks, base } = await record(dir, store)
  const random = new SimRandom(seed)
  const reader = spawn(process.execPath, [`${here}reader.ts`], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  reader.stdout.on('data', (bytes) => {
    output += bytes
  })
  const first = acks[0]?.at ?? 0
  const from = entries.findIndex((one) => one.end >= first)
  const result = { lost: 0, alerts: 0, errors: 0, acknowledged: acks.length }
  mkdirSync(`${dir}/crash`)
  try {
    // One image that moves along the log, so that a cut costs only what lies after the one before.
    const points = Array.from({ length: cuts }, () => from + random.below(Math.max(1, entries.length - from))).sort((a, b) => a - b)
    const standing = Buffer.from(base)
    let flushed = 0
    for (const point of points) {
      let flush = flushed
      for (let i = flushed; i < point; i++) if (entries[i]?.entry === 'flush') flush = i + 1
      for (; flushed < flush; flushed++) apply(standing, entries[flushed]?.entry)
      const image = Buffer.from(standing)
      for (let i = flush; i < point; i++) if (!random.once(2)) apply(image, entries[i]?.entry, random.once(5) ? random : undefined)
      const file = openSync(`${dir}/crash.img`, 'w')
      writeSync(file, image)
      closeSync(file)
      spawnSync('e2fsck', ['-fy', `${dir}/crash.img`], {
        stdio: 'ignore',
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      })
      sh(`mount -o loop,noatime ${dir}/crash.img ${dir}/crash`)
      const seen = output.length
      reader.stdin.write(`${store} ${dir}/crash\n`)
      await until('the reader answers', 20_000, () => output.indexOf('\n', seen) >= 0)
      const answer = JSON.parse(output.slice(seen)) as { names?: string[]; error?: string }
      sh(`umount ${dir}/crash`)
      rmSync(`${dir}/crash.img`)
      if (answer.error) result.errors++
      const there = new Set(answer.names ?? [])
      // Whoever was told before the cut must find it.
      const cutAt = entries[point - 1]?.end ?? 0
      const gone = acks.filter((ack) => ack.at <= cutAt && !there.has(ack.name)).length
      if (gone > 0) result.lost++
      result.alerts += gone
    }
  } finally {
    spawnSync('umount', [`${dir}/crash`])
    await stop(reader, 'SIGKILL')
  }
  return result
}

const cuts = Number(process.env.OUTPOST_CUTS ?? 200)

test(`${cuts} power cuts lose nothing that was acknowledged`, { skip, timeout: 300_000 }, async (t) => {
  const dir = mkdtempSync(`${tmpdir()}/outpost-cut-`)
  try {
    const result = await cutOften(dir, 'journal', cuts, 1)
    t.diagnostic(JSON.stringify(result))
    assert.ok(result.acknowledged >= 400)
    assert.deepEqual([result.lost, result.errors], [0, 0])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('the same cuts do lose alerts of a store that does not sync: the tester is tested', { skip, timeout: 120_000 }, async (t) => {
  const dir = mkdtempSync(`${tmpdir()}/outpost-cut-`)
  try {
    const result = await cutOften(dir, 'lowdb', 20, 2)
    t.diagnostic(JSON.stringify(result))
    assert.ok(result.lost + result.errors > 0)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
