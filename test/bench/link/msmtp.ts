import { spawn, spawnSync } from 'node:child_process'
import type { Job } from './client.ts'
import type { Lane, Run } from './lane.ts'
import { letterOf, recipient, sender } from './letters.ts'
import type { Terms } from './line.ts'

/** msmtp as a measured client: one program, one connection and one letter after the other, as cron jobs and scripts use it. */
const letterLimitMs = 60_000

/** `msmtp 1.8.23`; undefined where it is not installed. */
export const msmtpVersion = (): string | undefined =>
  /^msmtp version (\S+)/.exec(spawnSync('msmtp', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[0].replace(' version', '')

export async function runMsmtp(lane: Lane, job: Job, terms: Terms): Promise<Run> {
  await lane.link.set(terms)
  await lane.link.quiet(2 * terms.delayMs + 300)
  await lane.link.reset()
  const figures = {
    first: null as number | null,
    all: null as number | null,
    delivered: 0,
    faults: [] as string[],
    cpuSeconds: 0,
    grown: 0,
  }
  const from = performance.now()
  for (let n = 1; n <= job.letters; n++) {
    const fault = await send(lane, job, letterOf(job.tag, n).content)
    if (fault !== undefined) {
      figures.faults.push(fault)
      continue
    }
    figures.delivered++
    figures.all = (performance.now() - from) / 1000
    figures.first ??= figures.all
  }
  return { ...figures, count: await lane.link.quiet(2 * terms.delayMs + 300) }
}

function send(lane: Lane, job: Job, content: Uint8Array): Promise<string | undefined> {
  const options = {
    file: '/dev/null',
    host: job.host,
    port: job.port,
    tls: 'on',
    'tls-starttls': job.security === 'tls' ? 'off' : 'on',
    'tls-trust-file': job.ca,
    auth: 'plain',
    user: job.user,
    passwordeval: `echo ${job.password}`,
    domain: 'ps7.example.org',
    from: sender,
  }
  const [command = 'ip', ...args] = [
    ...lane.near.prefix,
    'msmtp',
    ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    recipient,
  ]
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'], timeout: letterLimitMs })
  let said = ''
  child.stderr.on('data', (bytes) => {
    said += bytes
  })
  child.stdin.on('error', () => {})
  child.stdin.end(content.toString().replaceAll('\r\n', '\n'))
  return new Promise((resolve) => child.once('close', (code) => resolve(code === 0 ? undefined : said || `exit ${code}`)))
}
