import { spawnSync } from 'node:child_process'
import { copyFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Provision: what a person does with a card before the box is switched on: it is flashed, and outpost.json is laid onto its start partition. */
const startOffset = 4 * 1024 * 1024

const mtools = (program: string, image: string, ...args: string[]): string => {
  const done = spawnSync(program, ['-i', `${image}@@${startOffset}`, ...args], {
    encoding: 'utf8',
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
  })
  if (done.status !== 0) throw new Error(`${program}: ${done.error?.message ?? done.stderr}`)
  return done.stdout
}

/** Copies an image to a disk of `bytes`, as a card is larger than what is flashed onto it. */
export function flash(image: string, disk: string, bytes: number): void {
  if (spawnSync('cp', ['--sparse=always', image, disk]).status !== 0) copyFileSync(image, disk)
  truncateSync(disk, bytes)
}

export function lay(disk: string, name: string, text: string): void {
  const draft = join(tmpdir(), `outpost-lay-${process.pid}`)
  writeFileSync(draft, text)
  mtools('mcopy', disk, '-o', draft, `::${name}`)
  rmSync(draft)
}

export const names = (disk: string): string => mtools('mdir', disk, '-b', '::')
export const read = (disk: string, name: string): string => mtools('mtype', disk, `::${name}`)

export const secret = 'a-secret-of-the-test-7c1'

/** Settings of the test: the second serial port is a line that hears `OK id`, mail goes to a server on the loopback of the host. */
export const provisioning = (line: string, relayPort: number) => ({
  timeZone: 'Europe/Berlin',
  network: { ntp: ['192.0.2.123'] },
  settings: {
    site: { name: 'Bench', domain: 'bench.example' },
    people: [{ id: 'ops', name: 'Ops', address: 'ops@example.org' }],
    mail: { from: 'Bench <box@example.org>', format: 'text' },
    relays: [{ id: 'host', host: '10.0.2.2', port: relayPort, security: 'none', auth: { kind: 'none' } }],
    sources: [
      { id: 'line', kind: 'serial', path: line, baudRate: 115200, decode: 'text', acknowledge: 'line' },
      { id: 'camera', kind: 'smtp', listen: '127.0.0.1:25' },
    ],
    delivery: { retry: ['5s'], digest: { from: 1000 } },
    broker: { enabled: false },
  },
  secrets: { 'relay:host': secret },
})
