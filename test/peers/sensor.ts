import { type ChildProcess, spawn } from 'node:child_process'
import { sleep } from './process.ts'

/**
 * A device on a serial line that repeats each line until it reads `OK` to it. The answer to a repeat of the line before bears the same number
 * as that line's first answer, and is not taken for that to the next.
 */
export type SerialSensor = { send(line: string): Promise<void>; close(): void }

const repeatMs = 1500

export function serialSensor(path: string): SerialSensor {
  // socat opens the terminal without hanging up the line or echoing what comes.
  const port: ChildProcess = spawn('socat', ['-', `${path},raw,echo=0`], { stdio: ['pipe', 'pipe', 'ignore'] })
  port.stdin?.on('error', () => {})
  let heard = ''
  let last: string | undefined
  let closed = false
  port.stdout?.on('data', (bytes) => {
    heard += bytes
  })
  return {
    /** Resolves when the line was answered; rejects when the sensor is closed before. */
    async send(line) {
      heard = ''
      while (!closed) {
        port.stdin?.write(`${line}\r\n`)
        for (let waited = 0; waited < repeatMs && !closed; waited += 10) {
          const answer = [...heard.matchAll(/^OK (\S+)\r\n/gm)].map(([, id]) => id).find((id) => id !== last)
          if (answer !== undefined) {
            last = answer
            return
          }
          await sleep(10)
        }
      }
      throw new Error('the sensor was closed before its line was answered')
    },
    close() {
      closed = true
      port.kill('SIGKILL')
    },
  }
}
