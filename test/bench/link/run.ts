import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { Namespace } from '../../peers/namespace.ts'
import { missing, run } from '../../peers/process.ts'
import { FarRelay } from './far.ts'
import { farAddressOf, Lane } from './lane.ts'
import { limits } from './limits.ts'
import { ThinLink } from './line.ts'
import { msmtpVersion } from './msmtp.ts'
import { tables } from './table.ts'
import { costs, lanes } from './trials.ts'
import { Trying } from './trying.ts'

/**
 * `npm run bench:link [-- --check] [--write]`: how long a backlog takes over a thin link, beside other mail clients on the same link and by the
 * same instrument. `--check` tries only what the promised limits need and fails when one does not hold; `--write` tries everything and puts the
 * tables into docs/benchmarks.md. Needs root, iproute2, gcc, Postfix and Dovecot; msmtp has a row where it is installed.
 */
const root = new URL('../../..', import.meta.url).pathname
const check = process.argv.includes('--check')
const write = process.argv.includes('--write')
const everything = write || !check
/** However slow the machine is: by then something hangs. */
const limitMs = 15 * 60_000

const undo: (() => unknown)[] = []
async function cleanUp(): Promise<void> {
  for (let step = undo.pop(); step; step = undo.pop()) await step()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void cleanUp().then(() => process.exit(130)))
setTimeout(() => void cleanUp().then(() => process.exit(1)), limitMs).unref()

const gone = missing('ip', 'gcc', 'postfix', 'dovecot', 'openssl') || (process.getuid?.() === 0 ? false : 'namespaces need root')
if (gone) {
  console.error(`The link cannot be laid: ${gone}.`)
  process.exit(1)
}
let holds = true
try {
  holds = await bench()
} finally {
  await cleanUp()
}
process.exit(check && !holds ? 1 : 0)

async function bench(): Promise<boolean> {
  // In memory where that can be had: what a relay's disk takes is not what is measured.
  const dir = mkdtempSync('/dev/shm/outpost-link-')
  undo.push(() => rmSync(dir, { recursive: true, force: true }))
  chmodSync(dir, 0o755)
  const name = `outpost-link-${process.pid}`
  const far = new Namespace(`${name}-far`)
  undo.push(() => far.remove())
  const program = ThinLink.compile(dir)
  const relay = await FarRelay.start(
    dir,
    far,
    lanes.map((_, number) => farAddressOf(number)),
  )
  undo.push(() => relay.stop())
  const open: Lane[] = []
  for (const number of lanes.keys()) {
    const lane = await Lane.open(program, `${name}-${number}`, number, far)
    open.push(lane)
    undo.push(() => lane.close())
  }
  const trying = new Trying(dir, relay, everything)
  const ended = await Promise.allSettled(open.map((lane, number) => trying.lane(lane, number, lanes[number] ?? [])))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
  for (const lane of open.slice(0, 1)) await trying.costs(lane, 0, costs)
  const checked = limits(trying.results)
  const section = `${machine(far)}\n\n${tables(trying.results, checked)}`
  console.log(`\n${section}`)
  if (write) writeSection(section)
  return checked.every((limit) => limit.holds)
}

function machine(far: Namespace): string {
  const nodemailer = JSON.parse(readFileSync(`${root}node_modules/nodemailer/package.json`, 'utf8')) as { version: string }
  const postfix = run('postconf', ['-d', '-h', 'mail_version']).trim()
  const peers = [
    `Node ${process.versions.node}`,
    `nodemailer ${nodemailer.version}`,
    `Postfix ${postfix} as the relay and as a client`,
    msmtpVersion(),
  ]
  const hardware = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Linux ${release()}, TCP ${far.congestion}`
  return `One run on ${hardware}: ${peers.filter((peer) => peer !== undefined).join(', ')}.`
}

function writeSection(section: string): void {
  const path = `${root}docs/benchmarks.md`
  const text = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    text.replace(/<!-- link -->[\s\S]*<!-- \/link -->/, () => `<!-- link -->\n${section}\n<!-- /link -->`),
  )
}
