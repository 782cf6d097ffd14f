import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { leanEnv, leanFlags } from '../peers/lean.ts'
import { freePort, run, sleep, start, stop, until } from '../peers/process.ts'

/** `npm run bench [-- --write]`: figures of one run as a table; `--write` puts it into docs/benchmarks.md. Needs root for the block device. */
const here = new URL('.', import.meta.url).pathname
const root = new URL('../..', import.meta.url).pathname
const env = { ...process.env, ...leanEnv }
const measured = (...args: string[]) =>
  JSON.parse(
    spawnSync(process.execPath, [...leanFlags, `${here}store.ts`, ...args], { encoding: 'utf8', env, timeout: 120_000 }).stdout,
  ) as Record<string, number>

const rows: [string, string][] = []
const row = (what: string, figure: string) => {
  rows.push([what, figure])
  console.log(`${what}: ${figure}`)
}
const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
const MiB = (bytes: number): string => `${(bytes / 1048576).toFixed(1)} MiB`

const dir = mkdtempSync(`${tmpdir()}/outpost-bench-`)
try {
  for (const producers of ['1', '8', '64']) {
    const { rate, p50, p99 } = measured('enqueue', mkdtempSync(`${dir}/q-`), producers, '4000')
    row(
      `accept + outcome, ${producers} producer${producers === '1' ? '' : 's'}`,
      `${rate}/s, p50 ${p50?.toFixed(2)} ms, p99 ${p99?.toFixed(2)} ms`,
    )
  }
  rules()
  wear()
  backlog()
  await idle()
} finally {
  rmSync(dir, { recursive: true, force: true })
}
if (process.argv.includes('--write')) {
  const path = `${root}docs/benchmarks.md`
  const table = ['| what | figure |', '|---|---|', ...rows.map(([what, figure]) => `| ${what} | ${figure} |`)].join('\n')
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(/<!-- bench -->[\s\S]*<!-- \/bench -->/, () => `<!-- bench -->\n${table}\n<!-- /bench -->`),
  )
}

/** From the octets of a line to its record on the disk; a bare write with fdatasync beside it. */
function rules(): void {
  const intake = (...args: string[]) =>
    JSON.parse(
      spawnSync(process.execPath, [...leanFlags, `${here}intake.ts`, dir, ...args], { encoding: 'utf8', env, timeout: 120_000 }).stdout,
    ) as {
      intakeUs: number
      decideUs: number
      syncUs: number
    }
  const [one, eight, many] = [intake('10', '1'), intake('10', '8'), intake('1000', '8')]
  row(
    'decode, 10 rules and journal: CPU of a line, one at a time, bare write with fdatasync beside it',
    `${one.intakeUs.toFixed(0)} µs, ${one.syncUs.toFixed(0)} µs`,
  )
  row('the same, 8 lines at a time', `${eight.intakeUs.toFixed(0)} µs`)
  row('1,000 rules: CPU of one decision', `${(many.decideUs / 1000).toFixed(2)} ms`)
}

/** What reaches the block device for an alert of 2 KB and its outcome, with one producer: the budget is 8 KB and 1.1 flushes. */
function wear(): void {
  const mnt = `${dir}/mnt`
  mkdirSync(mnt)
  run('sh', ['-c', `truncate -s 128M ${dir}/image && mkfs.ext4 -q -F ${dir}/image`])
  const loop = run('losetup', ['-f', '--show', `${dir}/image`]).trim()
  try {
    run('mount', ['-o', 'noatime', loop, mnt])
    measured('enqueue', mnt, '1', '1500')
    const stat = () =>
      readFileSync(`/sys/block/${loop.slice(5)}/stat`, 'utf8')
        .trim()
        .split(/\s+/)
        .map(Number)
    const before = stat()
    const count = 3000
    measured('enqueue', mnt, '1', String(count))
    const after = stat()
    const per = (field: number, unit = 1) => (((after[field] ?? 0) - (before[field] ?? 0)) * unit) / count
    row('octets at the block device an alert of 2 KB, 1 producer, segments recycled', per(6, 512).toFixed(0))
    row('writes and flushes at the block device an alert', `${per(4).toFixed(2)} and ${per(15).toFixed(2)}`)
  } finally {
    spawnSync('umount', [mnt])
    spawnSync('losetup', ['-d', loop])
  }
}

function backlog(): void {
  const [empty, full] = [mkdtempSync(`${dir}/e-`), mkdtempSync(`${dir}/f-`)]
  measured('fill', empty, '0')
  measured('fill', full, '100000')
  const runs = Array.from({ length: 5 }, () => ({ empty: measured('open', empty), full: measured('open', full) }))
  row(
    'opening the journal with 100,000 waiting alerts',
    `${median(runs.map((one) => one.full.ms ?? 0)).toFixed(0)} ms (empty: ${median(runs.map((one) => one.empty.ms ?? 0)).toFixed(0)} ms)`,
  )
  row(
    'memory with 100,000 waiting alerts over an empty queue (RSS)',
    `+${MiB(median(runs.map((one) => (one.full.rss ?? 0) - (one.empty.rss ?? 0))))}`,
  )
}

/** The bundle with its broker, one MQTT and one serial source, beside a bare process of the same Node. */
async function idle(): Promise<void> {
  const data = `${dir}/data`
  mkdirSync(data)
  const port = await freePort()
  const socat = start('socat', [`pty,raw,echo=0,link=${dir}/tty-a`, `pty,raw,echo=0,link=${dir}/tty-b`])
  await sleep(500)
  const sources = [
    { id: 'plc', kind: 'serial', path: `${dir}/tty-a` },
    { id: 'field', kind: 'mqtt', url: `mqtt://127.0.0.1:${port}` },
  ]
  writeFileSync(`${data}/settings.json`, JSON.stringify({ broker: { listen: `127.0.0.1:${port}` }, sources }))
  const rss = (pid: number | undefined) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
  const starts: number[] = []
  const bareStarts: number[] = []
  let memory = 0
  let bareMemory = 0
  for (let i = 0; i < 3; i++) {
    let log = ''
    const began = performance.now()
    const gateway = spawn(`${root}bin/outpost`, ['run', '--data', data], { stdio: ['ignore', 'ignore', 'pipe'] })
    gateway.stderr.on('data', (bytes) => {
      if (!log.includes('gateway: ready') && `${bytes}`.includes('gateway: ready')) starts.push(performance.now() - began)
      log += bytes
    })
    await until('both sources are up', 30_000, () => log.includes('serial: up') && log.includes('mqtt: up'))
    await sleep(3000)
    memory = rss(gateway.pid)
    await stop(gateway)
    const from = performance.now()
    spawnSync(process.execPath, ['-e', '0'])
    bareStarts.push(performance.now() - from)
    const bare = spawn(process.execPath, ['-e', 'setInterval(()=>{},1e6)'], { stdio: 'ignore' })
    await sleep(1000)
    bareMemory = rss(bare.pid)
    await stop(bare, 'SIGKILL')
  }
  await stop(socat)
  row(
    'idle memory of the gateway (RSS), bare Node beside it',
    `${MiB(memory)}, ${MiB(bareMemory)}: ${(memory / bareMemory).toFixed(2)} times`,
  )
  row('start to ready, bare Node start to end beside it', `${median(starts).toFixed(0)} ms, ${median(bareStarts).toFixed(0)} ms`)
}
