import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { missing, run } from '../../peers/process.ts'
import { measureBurst } from './burst.ts'
import { measureFootprint } from './footprint.ts'
import { endAll } from './group.ts'
import { measureKills } from './kills.ts'
import { measureLatency } from './latency.ts'
import { msmtp } from './msmtp.ts'
import { nodeRed } from './node-red.ts'
import { nodemailer, nodemailerAfter } from './nodemailer.ts'
import { measureOutage } from './outage.ts'
import { outpost } from './outpost.ts'
import type { Peer } from './peer.ts'
import { postfix } from './postfix.ts'
import { measurePowerCuts } from './powercut.ts'
import type { Results } from './results.ts'
import { Site } from './site.ts'
import { tables } from './table.ts'
import { measureThin, thinAddresses } from './thin.ts'
import { lostBy } from './verdict.ts'
import { measureWear } from './wear.ts'

/**
 * `npm run bench:peers [-- --only a,b] [--peers outpost,postfix]`: Outpost and its peers at the same work in the same run. A whole run writes its
 * section of docs/benchmarks.md; a partial one only says what it found. Needs root, Debian's packages below, and npm for Node-RED.
 */
const root = new URL('../../..', import.meta.url).pathname
const everybody: readonly Peer[] = [outpost, postfix, msmtp, nodemailerAfter, nodemailer, nodeRed]
/** However slow the machine is: by then something hangs. */
const limitMs = 30 * 60_000

const listOf = (option: string): string[] | undefined => {
  const index = process.argv.indexOf(option)
  return index < 0 ? undefined : (process.argv[index + 1] ?? '').split(',')
}
const only = listOf('--only')
const wanted = listOf('--peers')
const whole = only === undefined && wanted === undefined
const peers = everybody.filter(({ id }) => wanted === undefined || wanted.includes(id))
const wants = (measure: string): boolean => only === undefined || only.includes(measure)

const undo: (() => unknown)[] = []
async function cleanUp(): Promise<void> {
  await endAll()
  for (let step = undo.pop(); step; step = undo.pop()) await step()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void cleanUp().then(() => process.exit(130)))
setTimeout(() => {
  console.error(`bench:peers: not done within ${limitMs / 60_000} minutes; something hangs.`)
  void cleanUp().then(() => process.exit(1))
}, limitMs).unref()

const began = performance.now()
const say = (text: string): void => console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}`)

const fault = whyNot()
if (fault !== undefined) {
  console.error(`bench:peers cannot begin: ${fault}`)
  process.exit(1)
}
let kept = true
try {
  kept = await bench()
} finally {
  await cleanUp()
}
process.exit(kept ? 0 : 1)

/** What is missing, and what to do about it. */
function whyNot(): string | undefined {
  const unknown = [
    ...(wanted ?? []).filter((id) => !everybody.some((peer) => peer.id === id)),
    ...(only ?? []).filter((one) => !/^[a-i]$/.test(one)),
  ]
  if (unknown.length > 0)
    return `${unknown.join(', ')} is not known; measures are a to i, peers are ${everybody.map(({ id }) => id).join(', ')}.`
  if (process.getuid?.() !== 0) return 'network namespaces, loop devices and Postfix need root.'
  const tools = ['mosquitto', 'openssl', 'ip', 'nsenter', 'dpkg-query', ...(wants('g') || wants('e') ? ['gcc'] : [])]
  const disks = wants('e') || wants('h') ? ['losetup', 'mkfs.ext4', ...(wants('e') ? ['pkg-config', 'fusermount3', 'e2fsck'] : [])] : []
  const gone = missing(...tools, ...disks, ...peers.flatMap(({ needs }) => needs))
  return gone ? `${gone}. .ci/run names Debian's packages.` : undefined
}

async function bench(): Promise<boolean> {
  for (const peer of peers) {
    if (peer.prepare) say(`${peer.title} is fetched, unless it was before`)
    await peer.prepare?.()
  }
  const site = await Site.open(undo, thinAddresses(peers.length))
  const results = await measured(site)
  const section = `${machine()}\n\n${tables(results, peers)}`
  console.log(`\n${section}`)
  if (whole) writeSection(section)
  say(whole ? 'docs/benchmarks.md is written' : 'a partial run: docs/benchmarks.md stays as it is')
  const lost = lostBy(results, 'outpost')
  if (lost) console.error(`Outpost lost ${lost} accepted alerts.`)
  return !lost
}

async function measured(site: Site): Promise<Results> {
  const results: Results = {}
  const measure = async <K extends keyof Results>(letter: string, what: string, name: K, deed: () => Promise<Results[K]>) => {
    if (!wants(letter)) return
    say(`(${letter}) ${what}`)
    const found = await deed()
    if (found) results[name] = found
  }
  const told = (text: string) => say(`    ${text}`)
  await measure('f', 'start, idle', 'footprint', () => measureFootprint(site, peers, told))
  await measure('a', 'one alert a second, then fifty', 'latency', () => measureLatency(site, peers, told))
  await measure('b', 'a thousand at once', 'burst', () => measureBurst(site, peers, told))
  await measure('c', 'an outage of a minute', 'outage', () => measureOutage(site, peers, told))
  await measure('d', 'kill -9', 'kills', () => measureKills(site, peers, told))
  await measure('e', 'power cuts', 'powerCuts', () => measurePowerCuts(site, peers, told))
  await measure('g', 'a thin link', 'thin', () => measureThin(site, peers, told))
  await measure('h', 'the block device', 'wear', () => measureWear(site, peers, told))
  await measure('i', 'sizes', 'size', async () => new Map(peers.map((peer) => [peer.id, peer.install()])))
  return results
}

function machine(): string {
  const mosquitto = /version (\S+)/.exec(run('sh', ['-c', 'mosquitto -h || true']))?.[1] ?? ''
  const versions = [`Node ${process.versions.node}`, ...new Set(peers.map((peer) => peer.version())), `mosquitto ${mosquitto}`]
  return `One run on ${cpus()[0]?.model.trim()}, ${cpus().length} cores, Linux ${release()}: ${versions.join(', ')}.`
}

function writeSection(section: string): void {
  const path = `${root}docs/benchmarks.md`
  const text = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    text.replace(/<!-- peers -->[\s\S]*<!-- \/peers -->/, () => `<!-- peers -->\n${section}\n<!-- /peers -->`),
  )
}
