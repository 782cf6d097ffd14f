import { spawn } from 'node:child_process'
import { type Clock, sleep } from '../clock.ts'
import { type Disk, replaceFile } from '../disk.ts'
import { sentence } from '../log.ts'
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

/** The directory of our own unit, which has no such right; outpost-clock.path waits there (firmware-host/rootfs). */
export const unitDir = '/run/outpost'
const name = 'clock'
/** A small board that is busy starts a shell in a second or two; the page waits twice as long for an answer. */
const patienceMs = 10_000
const lookMs = 100
/** What the way takes is reckoned with in whole seconds there. */
const nearMs = 3000

/** By the word to a unit that has the right: a file in `dir`, which it takes away before it sets the clock. That it is set is seen by the clock. */
export const askForClock =
  ({ clock, disk }: { clock: Clock; disk: Disk }, dir = unitDir): SetClock =>
  async (wall) => {
    const word = `${dir}/${name}`
    const asked = clock.monotonic()
    const sinceMs = () => clock.monotonic() - asked
    const isNear = () => Math.abs(clock.wall() - wall - sinceMs()) <= nearMs
    try {
      await replaceFile(disk, dir, name, Buffer.from(String(wall)))
      let isTaken = false
      while (sinceMs() < patienceMs) {
        await sleep(clock, lookMs)
        isTaken ||= (await disk.size(word)) === undefined
        if (isTaken && isNear()) return undefined
      }
      if (isTaken) return 'the system did not take it, and its journal says why (outpost-clock.service)'
      await disk.remove(word)
      return 'the system did not answer (outpost-clock.path)'
    } catch (error) {
      return sentence(error)
    }
  }
