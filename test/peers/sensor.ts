import { type ChildProcess, spawn } from 'node:child_process'
import { sleep } from './process.ts'

/** A device on a serial line that repeats each line until it reads `OK`. */
export function serialSensor(path: string): { send(line: string): Promise<void>; close(): void } {
  // socat opens the terminal without hanging up the line or echoing what comes.
  const port: ChildProcess = spawn('socat', ['-', `${path},raw,echo=0`], { stdio: ['pipe', 'pipe', 'ignore'] })
  let heard = ''
  port.stdout?.on('data', (bytes) => {
    heard += bytes
  })
  return {
    async send(line) {
      for (;;) {
        heard = ''
        port.stdin?.write(`${line}\r\n`)
        for (let waited = 0; waited < 1500; waited += 10) {
          if (/^OK \S+\r\n/m.test(heard)) return
          await sleep(10)
        }
      }
    },
    close: () => void port.kill('SIGKILL'),
  }
}
