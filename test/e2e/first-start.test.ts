import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { Link, noLinks } from '../peers/link.ts'
import { listens } from '../peers/mosquitto.ts'
import { missing, until } from '../peers/process.ts'

/**
 * The README's first minute: a checkout without a bundle, without data and without settings. It wants port 1883, so it has a network of its own
 * where it can; otherwise the port must be free.
 */
const root = new URL('../..', import.meta.url).pathname
const gone = missing('mosquitto_pub', 'npm')
const noNetwork = gone || noLinks()
const taken = noNetwork && !gone && (await listens(1883)) ? `port 1883 is taken, and ${noNetwork}` : false
const skip = gone || taken
const dir = mkdtempSync(`${tmpdir()}/outpost-first-`)
const link = skip || noNetwork ? undefined : new Link()
let started: ChildProcess | undefined

after(async () => {
  await end()
  link?.remove()
  rmSync(dir, { recursive: true, force: true })
})

const where = (command: string, args: string[]): [string, string[]] => (link ? link.inside(command, args) : [command, args])

/** What the README says is typed at the checkout; its standard output. */
function type(command: string, ...args: string[]): string {
  const done = spawnSync(...where(command, args), { cwd: dir, encoding: 'utf8', timeout: 20_000 })
  assert.equal(done.status, 0, `${command} ${args.join(' ')}: ${done.stderr}`)
  return done.stdout
}

/** `npm start`, until it listens; what it said. */
async function begin(): Promise<string> {
  let log = ''
  // A process group of its own: npm, its shell and the gateway are stopped together.
  started = spawn(...where('npm', ['start']), {
    cwd: dir,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, npm_config_update_notifier: 'false' },
  })
  started.stderr?.on('data', (bytes) => {
    log += bytes
  })
  await until('the gateway listens', 60_000, () => {
    assert.equal(started?.exitCode, null, log)
    return log.includes('embedded broker: listening')
  })
  return log
}

async function end(): Promise<void> {
  if (!started?.pid || started.exitCode !== null || started.signalCode !== null) return
  const ended = once(started, 'exit')
  process.kill(-started.pid, 'SIGTERM')
  await ended
}

test('npm start on a fresh checkout: a published message is in the mailbox a moment later, and still there after the next start', {
  skip,
  timeout: 120_000,
}, async (t) => {
  if (!link) t.diagnostic(`on port 1883 of this machine: ${noNetwork}`)
  const left = ['node_modules', 'dist', 'data', '.git'].map((name) => `${root}${name}`)
  cpSync(root, dir, { recursive: true, filter: (path) => !left.includes(path) })
  symlinkSync(`${root}/node_modules`, `${dir}/node_modules`)
  assert.match(await begin(), /building the bundle/)
  type('mosquitto_pub', '-t', 'alerts/test', '-m', 'Door open')
  await until('it is listed', 10_000, () => type('bin/outpost', 'mailbox', 'list').includes('Door open'))
  assert.match(type('bin/outpost', 'mailbox', 'list'), /^ {4}Outpost: Warning: Door open$/m)
  assert.ok(existsSync(`${dir}/data/settings.json`), 'the settings are there to be changed')
  type('bin/outpost', 'check')
  await end()
  assert.doesNotMatch(await begin(), /building the bundle/)
  assert.match(type('bin/outpost', 'mailbox', 'list'), /Door open/)
})
