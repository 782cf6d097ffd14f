import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { stampNow } from '../../src/alert/stamp.ts'
import { nodePorts } from '../../src/ports/node.ts'
import { Queue } from '../../src/queue/queue.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import { SettingsStore } from '../../src/settings/store.ts'
import { alerts, named, saves, small } from './small.ts'
import { spoil } from './spoil.ts'
import { type Call, ended, type Injection, trace } from './traced.ts'

/**
 * Life: a program that writes, one fault of the disk while it runs, and what the next program finds. `fresh` fills a new journal, `again` one that an
 * earlier life has left, `settings` saves the settings and the device file.
 */
export type Kind = 'fresh' | 'again' | 'settings'

/** `short`: a write takes half of its octets; else an error instead of the call. */
export type Fault = Omit<Injection, 'error'> & { error: Injection['error'] | 'short' }

export type Life = {
  status: number | null
  calls: Call[]
  /** How often the fault came. */
  fired: number
  acknowledged: number
  spoiled: number
  /** What is not as promised, in sentences. */
  broken: string[]
}

/** The programs as single files, so that a run does not spend its time on loading; the library that cuts writes; and a journal to go on with. */
export type Tools = { writer: string; saver: string; short: string; base: string }

const { clock, disk, random } = nodePorts({ level: 'error' })
const diskExit = 74
const segmentsLimit = 40

export async function live(kind: Kind, tools: Tools, fault?: Fault): Promise<Life> {
  const dir = mkdtempSync(`${tmpdir()}/outpost-life-`)
  try {
    if (kind === 'again') cpSync(tools.base, dir, { recursive: true })
    else mkdirSync(`${dir}/box`)
    if (kind !== 'again') writeFileSync(`${dir}/acks`, '')
    const before = linesOf(dir).length
    const ran = await runIn(dir, kind, tools, fault)
    const lines = linesOf(dir)
    const acknowledged = lines.filter((line) => !line.startsWith('-')).length
    const broken = await (kind === 'settings' ? brokenSettings(`${dir}/box`, lines) : brokenJournal(`${dir}/box`, lines))
    if (ran.status === diskExit ? lines.length > before : ran.status !== 0) broken.push(`it ended with ${ran.status}: ${ran.stderr}`)
    const wanted = alerts.fresh + (kind === 'again' ? alerts.again : 0)
    if (kind !== 'settings' && ran.status === 0 && !fault?.after && acknowledged < wanted)
      broken.push(`of ${wanted} alerts ${acknowledged} were taken`)
    return { ...ran, acknowledged, broken }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function runIn(
  dir: string,
  kind: Kind,
  tools: Tools,
  fault?: Fault,
): Promise<Pick<Life, 'status' | 'calls' | 'fired' | 'spoiled'> & { stderr: string }> {
  const box = `${dir}/box`
  const command =
    kind === 'settings'
      ? [process.execPath, tools.saver, box, `${dir}/acks`]
      : [process.execPath, tools.writer, 'turning', box, `${dir}/acks`, String(kind === 'again' ? alerts.again : alerts.fresh), kind]
  if (fault?.error !== 'short') {
    const { status, stderr, calls } = await trace(dir, pathsIn(box), fault as Injection | undefined, command)
    return { status, stderr, calls, fired: calls.filter((call) => call.injected).length, spoiled: spoil(calls) }
  }
  const log = `${dir}/cut`
  const [node = '', ...args] = command
  const { status, stderr } = await ended(node, args, {
    LD_PRELOAD: tools.short,
    SHORT_DIR: box,
    SHORT_NTH: String(fault.nth),
    SHORT_LOG: log,
    ...(fault.after ? { SHORT_AFTER: '1' } : {}),
  })
  return { status, stderr, calls: [], spoiled: 0, fired: existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0 }
}

/** strace wants every path by name. */
function pathsIn(box: string): string[] {
  const segments = Array.from({ length: segmentsLimit }, (_, index) => `journal/${String(index + 1).padStart(6, '0')}.seg`)
  const files = ['settings.json', 'device.json'].flatMap((name) => [name, `.${name}.tmp`, `${name}.bak`, `.${name}.bak.tmp`])
  return [box, `${box}/journal`, ...[...segments, ...files].map((name) => `${box}/${name}`)]
}

const linesOf = (dir: string): string[] => readFileSync(`${dir}/acks`, 'utf8').split('\n').filter(Boolean)

async function brokenJournal(box: string, lines: readonly string[]): Promise<string[]> {
  const broken: string[] = []
  const queue = await Queue.open({ disk, clock, log: () => {}, dir: `${box}/journal`, ...small })
  const held = new Set<string>()
  for (const id of queue.waiting.ids(Number.MAX_SAFE_INTEGER)) {
    held.add((await queue.read(id))?.alert.id ?? 'unreadable')
    queue.mark(id, { kind: 'delivered', to: ['ops'] })
  }
  const settled = new Set(lines.filter((line) => line.startsWith('-')).map((line) => line.slice(1)))
  const lost = lines.filter((line) => !line.startsWith('-') && !settled.has(line) && !held.has(line))
  if (lost.length > 0) broken.push(`lost: ${lost.join(', ')}`)
  if (held.has('unreadable')) broken.push('a letter that waits cannot be read')
  await queue.sync()
  await queue.measure()
  const next = await queue.accept({
    source: 's',
    text: 'next',
    severity: 'info',
    state: 'event',
    to: ['ops'],
    stamp: stampNow(clock),
  })
  if (next.kind !== 'accepted') broken.push(`drained, it does not go on: ${next.why}`)
  await queue.close()
  return broken
}

/** The last that was acknowledged, or one that was tried later; whole; and the next can be saved. */
async function brokenSettings(box: string, lines: readonly string[]): Promise<string[]> {
  const broken: string[] = []
  const last = (what: string) => lines.findLast((line) => line.startsWith(`${what} `))?.slice(what.length + 1)
  const { settings, findings } = await new SettingsStore(disk, box).load()
  const name = Number(/^name (\d+)$/.exec(settings?.site.name ?? '')?.[1] ?? 0)
  if (!settings || name < Number(last('name') ?? 0) || name > saves)
    broken.push(`settings: ${settings?.site.name ?? findings.map((one) => one.what).join()} after name ${last('name')}`)
  const device = await DeviceStore.open(disk, random, box)
  const time = device.data.lastSync?.wall ?? 0
  if (device.notes.length > 0 || time < Number(last('time') ?? 0) || time > saves)
    broken.push(`device: ${time} after time ${last('time')} ${device.notes.join()}`)
  if (last('id') !== undefined && device.data.id !== last('id')) broken.push('the device has another id')
  await new SettingsStore(disk, box).save(named(99))
  if ((await new SettingsStore(disk, box).load()).settings?.site.name !== 'name 99') broken.push('the next settings could not be saved')
  return broken
}
