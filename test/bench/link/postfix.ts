import { existsSync, readFileSync, rmSync } from 'node:fs'
import { makePostfix, postfix } from '../../peers/postfix.ts'
import { runBeside, sleep, until } from '../../peers/process.ts'
import type { Job } from './client.ts'
import type { Lane, Run } from './lane.ts'
import { letterOf, recipient, sender } from './letters.ts'
import type { Terms } from './line.ts'

/** A second Postfix as a measured client: its queue is full when the link opens, and its own log says when each letter was taken. */
const runLimitMs = 240_000

/** Connections and their TLS are kept for further letters (`smtp_connection_cache_destinations`, `smtp_tls_connection_reuse`). */
const reuse = (job: Job): string => `smtp_connection_cache_destinations = [${job.host}]:${job.port}
smtp_tls_connection_reuse = yes
smtp_connection_reuse_count_limit = 0
`

const mainOf = (job: Job, reused: boolean): string => `myhostname = ps7.example.org
inet_interfaces = loopback-only
relayhost = [${job.host}]:${job.port}
defer_transports = smtp
smtp_tls_security_level = encrypt
smtp_tls_wrappermode = ${job.security === 'tls' ? 'yes' : 'no'}
smtp_tls_CAfile = ${job.ca}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{ { [${job.host}]:${job.port} = ${job.user}:${job.password} } }
smtp_sasl_security_options = noanonymous
${reused ? reuse(job) : ''}`

export async function runPostfix(lane: Lane, dir: string, job: Job, terms: Terms, reused: boolean): Promise<Run> {
  const log = `${dir}/spool/mail.log`
  makePostfix(dir, mainOf(job, reused), '')
  const { prefix } = lane.near
  const end = () => postfix(dir, 'abort', prefix)
  lane.running.add(end)
  try {
    await postfix(dir, 'start', prefix)
    await until('the near Postfix runs', 15_000, () => existsSync(`${dir}/spool/pid/master.pid`))
    for (let n = 1; n <= job.letters; n++)
      await runBeside(
        'sendmail',
        ['-C', `${dir}/etc`, '-G', '-i', '-f', sender, recipient],
        letterOf(job.tag, n).content.toString().replaceAll('\r\n', '\n'),
      )
    await until('all are queued', 20_000, () => count(log, /status=deferred/g) >= job.letters)
    await runBeside('postconf', ['-c', `${dir}/etc`, '-e', 'defer_transports='])
    await postfix(dir, 'reload', prefix)
    await sleep(500)
    await lane.link.set(terms)
    await lane.link.reset()
    return await drain(lane, dir, log, job, terms)
  } finally {
    await end()
    lane.running.delete(end)
    rmSync(dir, { recursive: true, force: true })
  }
}

async function drain(lane: Lane, dir: string, log: string, job: Job, terms: Terms): Promise<Run> {
  const figures = { first: null as number | null, all: null as number | null, delivered: 0, faults: [], cpuSeconds: 0, grown: 0 }
  const deferredBefore = count(log, /status=deferred/g)
  const from = performance.now()
  await runBeside('postqueue', ['-c', `${dir}/etc`, '-f'])
  while (performance.now() - from < runLimitMs) {
    await sleep(10)
    const sent = count(log, /status=sent/g)
    if (sent > figures.delivered) {
      figures.delivered = sent
      figures.all = (performance.now() - from) / 1000
      figures.first ??= figures.all
    }
    // What it puts off now comes again in some minutes: that is what a letter lost to this run is.
    if (sent + count(log, /status=deferred/g) - deferredBefore >= job.letters) break
  }
  return { ...figures, count: await lane.link.quiet(2 * terms.delayMs + 2500) }
}

const count = (path: string, pattern: RegExp): number => (existsSync(path) ? [...readFileSync(path, 'utf8').matchAll(pattern)].length : 0)
