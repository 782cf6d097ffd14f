import { spawn } from 'node:child_process'
import type { Notify } from '../notify.ts'

const lateMs = 10_000

/** By systemd-notify(1): Node has no datagram sockets of the Unix kind. The unit needs NotifyAccess=all, since a child speaks. */
export const nodeNotify: Notify = (...assignments) =>
  new Promise((resolve) => {
    const child = spawn('systemd-notify', ['--', ...assignments], { stdio: ['ignore', 'ignore', 'pipe'], timeout: lateMs })
    let why = ''
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text) => {
      why += text
    })
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code) => resolve(code === 0 ? undefined : why.trim().slice(0, 200) || 'systemd-notify failed'))
  })
