import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { assure, passedOver, whyNoTrial } from './boot-loader.ts'
import { clearBundles, imageVersion, placeOf, readJson } from './place.ts'
import { run, slots } from './rauc.ts'
import { type Status, writeStatus } from './status.ts'
import { compareVersions, isVersion } from './version.ts'

/**
 * Run by root at every start, beside the gateway. The boot loader counts how often a system was started without being confirmed, and takes the other one after three times (nine, once it was confirmed). A system that was just installed is
 * confirmed when the gateway is ready and says that it is well (the journal takes alerts, the page is served); if it does not get there, it is given up and the box restarts. One that was confirmed before is confirmed as soon as the gateway runs:
 * no fault of a card or a line is mended by an older system.
 */
const place = placeOf(process.env)
const ms = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)
const tryForMs = ms('OUTPOST_TRIAL_MS', 300_000)
const betweenMs = ms('OUTPOST_TRIAL_EVERY_MS', 2000)
/** How long it must be well without a break. */
const wellForMs = ms('OUTPOST_TRIAL_WELL_MS', 20_000)

const { compatible, booted: slot } = await slots()
const version = imageVersion(place)
const tell = (more: Pick<Status, 'state'> & Partial<Status>) => writeStatus(place.status, { compatible, version, slot, ...more })

/** Before anybody brings a bundle: whether one can be taken at all. */
function idle(): void {
  const why = whyNoTrial(place)
  tell({ state: 'idle', ...(why === undefined ? {} : { why }) })
}

/** A system that is known to work. */
async function again(): Promise<void> {
  // The boot loader gave the other one up: it is older or newer, and whoever looks after the box must hear of it.
  const given = passedOver(place, slot)
  if (given === undefined) idle()
  else
    tell({
      state: 'rolled-back',
      why: `The system in slot ${given} was started again and again and did not come up; the box runs version ${version} in slot ${slot}. Bring the update again.`,
    })
  await lasts(isActive, betweenMs)
  await confirm()
}

async function trial(): Promise<void> {
  tell({ state: 'trial', bundle: version })
  if (!(await lasts(async () => (await isActive()) && (await isWell()), wellForMs))) {
    // The boot loader need not find it out by three starts; a Raspberry Pi that is not told to try goes back anyway.
    await run('rauc', ['status', 'mark-bad'])
    await run('systemctl', ['reboot'])
    return
  }
  await confirm()
  idle()
}

/** The old system runs, although a newer one was installed. */
async function goneBack(newer: string): Promise<void> {
  await confirm()
  tell({ state: 'rolled-back', bundle: newer, why: `Version ${newer} did not come up well, and the box went back to ${version}.` })
}

/** The power went while the other slot was written; the boot loader was not told of it. */
async function brokenOff(newer: string): Promise<void> {
  await confirm()
  tell({
    state: 'refused',
    bundle: newer,
    why: `The power went while version ${newer} was installed. Nothing has changed; bring it again.`,
  })
}

async function confirm(): Promise<void> {
  const { code, stderr } = await run('rauc', ['status', 'mark-good'])
  if (code !== 0) throw new Error(`rauc status mark-good: ${stderr.trim()}`)
  await assure(place, slot, true)
  rmSync(`${place.memory}/tried.json`, { force: true })
}

/** Whether it holds for so long without a break, within the time of a trial. */
async function lasts(holds: () => Promise<boolean>, forMs: number): Promise<boolean> {
  const end = performance.now() + tryForMs
  let since: number | undefined
  // Not by the wall clock: somebody sets it while the box starts.
  while (performance.now() < end) {
    if (!(await holds())) since = undefined
    else {
      since ??= performance.now()
      if (performance.now() - since >= forMs) return true
    }
    await sleep(betweenMs)
  }
  return false
}

const isActive = async (): Promise<boolean> => (await run('systemctl', ['is-active', '--quiet', 'outpost.service'])).code === 0

/** It says so itself, over its socket: where its page listens is a setting. */
const isWell = async (): Promise<boolean> => (await run('outpost', ['health', '--data', place.data])).code === 0

/** What was installed last and is not confirmed. `whole`: it was written to its end. */
function lastTried(): { version: string; whole: boolean } | undefined {
  const value = readJson(`${place.memory}/tried.json`)
  const { version, stage } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  return isVersion(version) ? { version, whole: stage === 'written' } : undefined
}

try {
  clearBundles(place)
} catch (error) {
  // A disk that takes no change is no reason to give this system up.
  process.stderr.write(`update: ${error instanceof Error ? error.message : error}\n`)
}
const tried = lastTried()
if (tried === undefined) await again()
else if (compareVersions(tried.version, version) <= 0) await trial()
else if (tried.whole) await goneBack(tried.version)
else await brokenOff(tried.version)
