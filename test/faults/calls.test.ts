import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { buildSync } from 'esbuild'
import { missing, run } from '../peers/process.ts'
import { type Fault, type Kind, type Life, live, type Tools } from './life.ts'
import { alerts } from './small.ts'
import { writingCalls } from './traced.ts'

/**
 * Every call that a writer makes to the disk fails: the first, the second, and so on, until a run makes no further one. So the sweep is complete by
 * construction: it ends with a run in which the fault found nothing to hit. `npm run faults` (OUTPOST_FAULTS=all) tries each call of each row;
 * otherwise a row with a stride tries every nth one, and those that promise or write have none.
 */
const here = new URL('.', import.meta.url).pathname
const skip = missing('strace', 'gcc')
const all = process.env.OUTPOST_FAULTS === 'all'
/** Runs at a time. */
const lanes = 2
let tools: Tools
let dir = ''

before(async () => {
  if (skip) return
  dir = mkdtempSync(`${tmpdir()}/outpost-calls-`)
  buildSync({
    entryPoints: [`${here}writer.ts`, `${here}saver.ts`],
    outdir: dir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['serialport', 'mqtt', 'aedes'],
  })
  run('gcc', ['-O1', '-shared', '-fPIC', '-o', `${dir}/short.so`, `${here}short.c`, '-ldl'])
  tools = { writer: `${dir}/writer.mjs`, saver: `${dir}/saver.mjs`, short: `${dir}/short.so`, base: `${dir}/base` }
  mkdirSync(`${tools.base}/box`, { recursive: true })
  writeFileSync(`${tools.base}/acks`, '')
  run(process.execPath, [tools.writer, 'turning', `${tools.base}/box`, `${tools.base}/acks`, String(alerts.fresh), 'fresh'])
})

after(() => rmSync(dir || `${tmpdir()}/outpost-none`, { recursive: true, force: true }))

type Row = Omit<Fault, 'nth'> & { stride: number }
const once = (error: Fault['error'], stride: number, ...calls: string[]): Row[] =>
  calls.map((call) => ({ call, error, after: false, stride }))
const onwards = (error: Fault['error'], stride: number, ...calls: string[]): Row[] =>
  calls.map((call) => ({ call, error, after: true, stride }))

const promises = ['mkdir', 'pwrite64', 'write', 'fdatasync', 'fsync', 'rename']
const others = ['openat', 'close', 'fchmod', 'unlink']
const reads = ['read', 'pread64', 'statx', 'statfs', 'getdents64']

const sweeps: [Kind, string, Row[]][] = [
  [
    'fresh',
    'a disk that fails at any call loses no alert that was acknowledged, and one error refuses none',
    [
      ...once('EIO', 1, ...promises),
      ...once('EIO', 6, ...others, ...reads),
      ...once('ENOSPC', 4, 'pwrite64', 'write'),
      ...once('short', 6, 'pwrite64'),
      ...onwards('EIO', 15, ...promises, ...others),
      ...onwards('ENOSPC', 15, 'pwrite64', 'write'),
      ...onwards('short', 40, 'pwrite64'),
    ],
  ],
  [
    'again',
    'neither does one that fails while an earlier journal is read and gone on with',
    [...once('EIO', 4, ...reads, 'openat'), ...onwards('EIO', 10, ...reads, 'openat')],
  ],
  [
    'settings',
    'settings and device file are the old or the new ones, whatever call fails',
    [
      ...once('EIO', 1, ...promises),
      ...once('EIO', 5, ...others, ...reads),
      ...once('ENOSPC', 3, 'write'),
      ...once('short', 3, 'write'),
      ...onwards('EIO', 10, ...promises, ...others, ...reads),
    ],
  ],
]

for (const [kind, what, rows] of sweeps)
  test(what, { skip, timeout: all ? 7_200_000 : 300_000 }, async (t) => {
    const plain = await live(kind, tools)
    assert.deepEqual(plain.broken, [])
    const made = (call: string) => plain.calls.filter((one) => one.name === call).length
    const swept = rows.filter((row) => row.error === 'EIO' && !row.after && row.stride === 1).map((row) => row.call)
    if (kind !== 'again')
      assert.deepEqual(
        writingCalls.filter((call) => made(call) > 0 && !swept.includes(call)),
        [],
        'every call that writes or promises is swept',
      )
    const todo = rows.filter((row) => made(row.call) > 0)
    const sum = { runs: 0, fired: 0, acknowledged: 0, spoiled: 0 }
    const broken: string[] = []
    const lane = async () => {
      for (let row = todo.shift(); row; row = todo.shift()) {
        const runs = await sweep(
          row,
          made(row.call),
          (nth) => live(kind, tools, { ...row, nth } as Fault),
          (fault, life) => {
            sum.runs++
            sum.fired += life.fired
            sum.acknowledged += life.acknowledged
            sum.spoiled += life.spoiled
            if (life.broken.length > 0) broken.push(`${fault}: ${life.broken.join('; ')}`)
          },
        )
        t.diagnostic(`${row.error} ${row.after ? 'from' : 'at'} ${row.call}: ${runs} of ${made(row.call)}`)
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    t.diagnostic(JSON.stringify(sum))
    assert.deepEqual(broken, [])
  })

/** Until a run makes no further such call; returns how many it was. The order of calls may differ by a few from run to run. */
async function sweep(
  row: Row,
  expected: number,
  one: (nth: number) => Promise<Life>,
  done: (fault: string, life: Life) => void,
): Promise<number> {
  for (let nth = 1; ; nth += all ? 1 : row.stride) {
    const life = await one(nth)
    if (life.fired === 0) {
      assert.ok(nth > expected * 0.8, `${row.call}: call ${nth} of about ${expected} was not hit`)
      return nth - 1
    }
    done(`${row.error} ${row.after ? 'from' : 'at'} ${row.call} ${nth}`, life)
  }
}
