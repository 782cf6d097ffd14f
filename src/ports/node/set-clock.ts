import { spawn } from 'node:child_process'
import type { SetClock } from '../set-clock.ts'

const lateMs = 5000

/** By date(1), which every system has and which needs the right to do it (CAP_SYS_TIME): Node has no call for it. */
export const setNodeClock: SetClock = (wall) =>
  new Promise((resolve) => {
    const child = spawn('date', ['-u', '-s', `@${(wall / 1000).toFixed(3)}`], { stdio: ['ignore', 'ignore', 'pipe'], timeout: lateMs })
    let why = ''
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text) => {
      why += text
    })
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code) => resolve(code === 0 ? undefined : why.trim().slice(0, 200) || 'date(1) failed'))
  })
