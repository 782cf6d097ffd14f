import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { assure, restartIntoTrial, whyNoTrial } from './boot-loader.ts'
import { bundlesOf, imageVersion, placeOf, readJson } from './place.ts'
import { lastErrorIn, percentIn, run, slots } from './rauc.ts'
import { type Here, lastHere, type Status, writeFileWhole, writeStatus } from './status.ts'
import { verdictOn, whyRefused } from './verdict.ts'

/**
 * Run by root when the gateway has put a request beside a bundle: looks at it, installs it into the other slot, restarts. The gateway is not trusted with more than these words; that the bundle is good is for RAUC
 * to say, by its signature. Whatever happens, the slot that runs stays as it is, a request is answered once, and no state is left that somebody would wait behind.
 */
const wishes = ['check', 'install'] as const
type Wish = (typeof wishes)[number]
type Tell = (more: Pick<Status, 'state'> & Partial<Status>) => void

const place = placeOf(process.env)
const { brought, taken: bundle, request } = bundlesOf(place)

async function serve(): Promise<void> {
  const asked = readJson(request)
  const named = nameIn(asked)
  let here = lastHere(place.status)
  const tell: Tell = (more) =>
    quietly(() => here && writeStatus(place.status, { ...here, ...more, ...(named === undefined ? {} : { request: named }) }))
  try {
    // First of all: what stays there is asked again as soon as this has ended.
    rmSync(request, { force: true })
    const { compatible, booted: slot } = await slots()
    here = { compatible, version: imageVersion(place), slot }
    await grant(wishIn(asked), here, tell)
  } catch (error) {
    const why = sentence(error)
    process.stderr.write(`update: ${why}\n`)
    quietly(drop)
    tell({
      state: 'refused',
      why: `This failed on the box itself (${why}). Nothing was changed. Restart the box, and bring the bundle again.`,
    })
  }
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What fails here must not keep the rest from being done. */
function quietly(deed: () => unknown): void {
  try {
    deed()
  } catch (error) {
    process.stderr.write(`update: ${sentence(error)}\n`)
  }
}

async function grant(wish: Wish | undefined, here: Here, tell: Tell): Promise<void> {
  if (!wish) return tell({ state: 'idle' })
  tell({ state: 'checking' })
  take()
  const noWayBack = whyNoTrial(place)
  if (noWayBack !== undefined) return refuse(tell, noWayBack)
  const { code, stdout, stderr } = await run('rauc', ['info', '--output-format=json', bundle])
  if (code !== 0) return refuse(tell, whyRefused(stderr))
  const verdict = verdictOn(JSON.parse(stdout), here)
  if (verdict.kind === 'refused') return refuse(tell, verdict.why)
  if (wish === 'check') return tell({ state: 'checked', bundle: verdict.version })
  await install(tell, verdict.version, here.slot === 'A' ? 'B' : 'A')
}

async function install(tell: Tell, version: string, slot: 'A' | 'B'): Promise<void> {
  // First the note: whoever reads that it is being installed may pull the plug.
  remember(version, 'writing')
  tell({ state: 'installing', bundle: version, percent: 0 })
  await assure(place, slot, false)
  const ended = await run('rauc', ['install', bundle], (line) => {
    const percent = percentIn(line)
    if (percent !== undefined) tell({ state: 'installing', bundle: version, percent })
  })
  if (ended.code !== 0) {
    quietly(forget)
    return refuse(tell, whyRefused(lastErrorIn(ended)))
  }
  // From here on the boot loader means the other slot; the note is for the words of a roll-back.
  quietly(() => remember(version, 'written'))
  quietly(drop)
  tell({ state: 'installed', bundle: version })
  await restartIntoTrial(place)
}

function refuse(tell: Tell, why: string): void {
  quietly(drop)
  tell({ state: 'refused', why })
}

const drop = () => rmSync(bundle, { force: true })

/** Out of the gateway's hands: what was looked at is what is installed. A link in its place is not followed. */
function take(): void {
  mkdirSync(place.memory, { recursive: true, mode: 0o700 })
  const found = lstatSync(brought, { throwIfNoEntry: false })
  // Nothing new lies there: it was looked at before.
  if (!found) return
  if (found.isFile()) {
    renameSync(brought, bundle)
    chownSync(bundle, process.getuid?.() ?? 0, process.getgid?.() ?? 0)
    chmodSync(bundle, 0o600)
  } else rmSync(brought, { force: true, recursive: true })
}

/** Of the request, so that who asked knows the answer. */
const nameIn = (value: unknown): string | undefined => {
  const name = typeof value === 'object' && value !== null && 'request' in value ? value.request : undefined
  return typeof name === 'string' && /^[0-9a-f]{1,64}$/.test(name) ? name : undefined
}

const wishIn = (value: unknown): Wish | undefined => {
  const wish = typeof value === 'object' && value !== null && 'do' in value ? value.do : undefined
  return wishes.find((one) => one === wish)
}

/** Before anything changes: should the box come back with the old system, it knows what was tried. */
function remember(version: string, stage: 'writing' | 'written'): void {
  mkdirSync(place.memory, { recursive: true, mode: 0o700 })
  writeFileWhole(`${place.memory}/tried.json`, JSON.stringify({ version, stage }))
}

const forget = () => rmSync(`${place.memory}/tried.json`, { force: true })

await serve()
