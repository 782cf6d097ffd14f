import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { isWanted } from './access-point.ts'
import { see } from './see.ts'

/** Look: run by root when there is a wlan0, and every minute (outpost-access-point.timer); opens the set-up access point, or closes it. Where it is already as it should be, systemd does nothing. */
const net = '/sys/class/net'
const seen = see({ data: '/var/lib/outpost', host: '/var/lib/outpost-host', run: '/run/outpost-host', net, uptime: '/proc/uptime' })

// Without the radio a start would wait for it.
if (existsSync(`${net}/wlan0`)) {
  const verb = isWanted(seen) ? 'start' : 'stop'
  const { status, stderr } = spawnSync('systemctl', ['--no-block', verb, 'outpost-setup-ap.service'], { encoding: 'utf8' })
  // Of priority 3: the unit keeps the rest out of the journal.
  if (status !== 0) process.stderr.write(`<3>access point: ${verb}: ${stderr}\n`)
}
