import { spawn } from 'node:child_process'

/** RAUC: the commands of it that are used here. It verifies, writes the other slot, and tells the boot loader. */
export type Slots = { compatible: string; booted: 'A' | 'B' }

export type Ended = { code: number; stdout: string; stderr: string }

const outputLimit = 1024 * 1024

/** Runs a command to its end; each line of its standard output is told as it comes. Never rejects: a command that cannot be run ends with 127. */
export function run(command: string, args: readonly string[], onLine: (line: string) => void = () => {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr, rest] = ['', '', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-outputLimit)
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(line)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-outputLimit)
    })
    child.once('error', (error) => resolve({ code: 127, stdout, stderr: `${stderr}${error.message}` }))
    child.once('close', (code) => {
      // For whoever reads the journal: a sentence for the page leaves things out.
      if (code !== 0 && stderr !== '') process.stderr.write(`${command}: ${stderr}`)
      resolve({ code: code ?? 1, stdout, stderr })
    })
  })
}

/** Throws with a sentence when RAUC does not know the slots. */
export async function slots(): Promise<Slots> {
  const { code, stdout, stderr } = await run('rauc', ['status', '--output-format=json'])
  if (code !== 0) throw new Error(`rauc status: ${stderr.trim().slice(-200)}`)
  const { compatible, booted } = JSON.parse(stdout) as { compatible: string; booted: string }
  return { compatible, booted: booted === 'B' ? 'B' : 'A' }
}

/** Why an installation failed stands on standard output, among what it told on its way. */
export const lastErrorIn = ({ stdout, stderr }: Ended): string => `${stderr}\n${/^LastError: .*$/m.exec(stdout)?.[0] ?? ''}`

/** `40% Copying image to rootfs.1` */
export const percentIn = (line: string): number | undefined => {
  const found = /^\s*(\d{1,3})%/.exec(line)
  return found ? Math.min(100, Number(found[1])) : undefined
}
