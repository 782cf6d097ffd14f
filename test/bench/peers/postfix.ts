import { existsSync, readFileSync, rmSync } from 'node:fs'
import { postfix as command, makePostfix } from '../../peers/postfix.ts'
import { runBeside, until } from '../../peers/process.ts'
import { endGroup, membersOf, noteGroup } from './group.ts'
import { debianClosure, debianVersion } from './install.ts'
import { type Duty, type Peer, type Running, recipient, sender } from './peer.ts'
import { handedIn, startPipeline } from './pipeline.ts'

/** mosquitto_sub | sendmail: Postfix as a null client with its own queue, everything else as it comes. */
const mainOf = ({ relay }: Duty): string => `myhostname = ps7.example.org
inet_interfaces = loopback-only
relayhost = [${relay.host}]:${relay.port}
smtp_tls_security_level = verify
smtp_tls_wrappermode = yes
smtp_tls_CAfile = ${relay.ca}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{ { [${relay.host}]:${relay.port} = ${relay.user}:${relay.password} } }
smtp_sasl_security_options = noanonymous
`

async function start(duty: Duty): Promise<Running> {
  const dir = `${duty.dir}/postfix`
  const pidFile = `${dir}/spool/pid/master.pid`
  if (!existsSync(`${dir}/etc/main.cf`)) makePostfix(dir, mainOf(duty), '', `${duty.scratch}/mail.log`)
  rmSync(pidFile, { force: true })
  await command(dir, 'start')
  await until('Postfix runs', 15_000, () => existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim() !== '')
  const master = Number(readFileSync(pidFile, 'utf8'))
  noteGroup(master)
  const loop = startPipeline(duty, `sendmail -C ${dir}/etc -i -f ${sender} ${recipient}`)
  const end = async (signal: NodeJS.Signals) => void (await Promise.all([loop.end(signal), endGroup(master, signal)]))
  return {
    pids: () => membersOf([loop.id, master]),
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    handed: handedIn(duty.scratch),
    linkUp: async () => void (await runBeside('postqueue', ['-c', `${dir}/etc`, '-f'])),
  }
}

export const postfix: Peer = {
  id: 'postfix',
  title: 'mosquitto_sub \\| Postfix sendmail',
  keeps: 'on the disk',
  acknowledges: 'mosquitto_sub has read it; it is on its way into a pipe',
  setUp: 'null client; the queue is run when the link comes up, as Debian does for an interface (otherwise after 5 minutes)',
  needs: ['postfix', 'sendmail', 'mosquitto_sub'],
  version: () => `Postfix ${debianVersion('postfix')}`,
  install: () => debianClosure(['postfix', 'mosquitto-clients']),
  start,
}
