import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { Group, membersOf } from './group.ts'
import { debianClosure, debianVersion } from './install.ts'
import { type Duty, type Peer, type Running, recipient, sender } from './peer.ts'
import { handedIn, startPipeline } from './pipeline.ts'

/** mosquitto_sub | msmtpq: msmtp with the queue that comes with it, and a job that runs the queue. */
const tools = '/usr/libexec/msmtp/msmtpq'
/** Of `timeout` there is no default: msmtp would wait as long as the kernel does, two minutes a letter. */
const timeoutSeconds = 10
/** cron cannot do better than a minute; the bench has no minutes to give away. */
const everySeconds = 5

function configure({ dir, relay }: Duty): string {
  const path = `${dir}/msmtprc`
  const lines = {
    host: relay.host,
    port: relay.port,
    tls: 'on',
    tls_starttls: 'off',
    tls_trust_file: relay.ca,
    auth: 'plain',
    user: relay.user,
    password: relay.password,
    domain: 'ps7.example.org',
    from: sender,
    timeout: timeoutSeconds,
  }
  const text = ['defaults', 'account default', ...Object.entries(lines).map(([name, value]) => `${name} ${value}`)].join('\n')
  writeFileSync(path, `${text}\n`, { mode: 0o600 })
  return path
}

async function start(duty: Duty): Promise<Running> {
  const queue = `${duty.dir}/queue`
  mkdirSync(queue, { recursive: true, mode: 0o700 })
  // Left by a process that was killed, it would stop every letter for four minutes, and then for ever: whoever looks after the box removes it.
  if (existsSync(`${queue}/.lock`)) rmdirSync(`${queue}/.lock`)
  const env = {
    PATH: `${tools}:${process.env.PATH}`,
    HOME: duty.scratch,
    MSMTPQ_Q: queue,
    MSMTPQ_LOG: `${duty.scratch}/msmtpq.log`,
    EMAIL_CONN_TEST: 'x',
    EMAIL_QUEUE_QUIET: 't',
  }
  const loop = startPipeline(duty, `msmtpq -C ${configure(duty)} ${recipient}`, env)
  const job = Group.start('sh', ['-c', `while sleep ${everySeconds}; do msmtp-queue -r; done`], `${duty.scratch}/job.log`, env)
  const end = async (signal: NodeJS.Signals) => void (await Promise.all([loop.end(signal), job.end(signal)]))
  return {
    pids: () => membersOf([loop.id, job.id]),
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    handed: handedIn(duty.scratch),
  }
}

export const msmtp: Peer = {
  id: 'msmtp',
  title: 'mosquitto_sub \\| msmtpq',
  keeps: 'on the disk, not synced',
  acknowledges: 'mosquitto_sub has read it; it is on its way into a pipe',
  setUp: `msmtpq without its connection test, \`timeout ${timeoutSeconds}\`, the queue run every ${everySeconds} s (cron: a minute), a stale lock removed at the start`,
  needs: ['msmtp', 'mosquitto_sub', `${tools}/msmtpq`],
  version: () => `msmtp ${debianVersion('msmtp')}, mosquitto_sub ${debianVersion('mosquitto-clients')}`,
  install: () => debianClosure(['msmtp', 'mosquitto-clients']),
  start,
}
