import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** Real programs beside the gateway: started by us, on loopback, stopped by their pid. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Whether all programs are there. In CI a missing one fails; elsewhere the test says that it is skipped. */
export function missing(...programs: string[]): string | false {
  const gone = programs.filter(
    (program) =>
      spawnSync('sh', ['-c', `command -v ${program}`], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } }).status !==
      0,
  )
  if (gone.length === 0) return false
  assert.ok(!process.env.CI, `in CI nothing is skipped, but ${gone.join(', ')} is missing: .ci/run must install it`)
  return `${gone.join(', ')} is not installed`
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  assert.ok(address && typeof address === 'object')
  return address.port
}

export function start(command: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(command, args, {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, ...env },
  })
}

export async function stop(child: ChildProcess | undefined, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), 12_000)
  await ended
  clearTimeout(late)
}

/** Whether any process of this group still runs; one that is dead and not yet waited for does not. */
export const groupLives = (group: number): boolean =>
  readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const [state, , leader] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      return Number(leader) === group && state !== 'Z'
    } catch {
      return false
    }
  })

/** Until it is so; fails with `what` after `ms`. */
export async function until(what: string, ms: number, so: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + ms
  while (!(await so())) {
    assert.ok(performance.now() < end, `${what}: not within ${ms} ms`)
    await sleep(100)
  }
}

export function run(command: string, args: string[], input = ''): string {
  const done = spawnSync(command, args, {
    input,
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  })
  assert.equal(done.status, 0, `${command} ${args.join(' ')}: ${done.stdout}${done.stderr}`)
  return done.stdout
}

/** The same without holding up whatever else this process looks after. */
export async function runBeside(command: string, args: string[], input = '', limitMs = 30_000): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: limitMs,
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes) => {
      said += bytes
    })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${said}`)
  return said
}
