import assert from 'node:assert/strict'
import type { Box } from './box.ts'
import { read } from './provision.ts'

/** Cuts: the moments of an update at which the power goes, and what must be there when it is back. */
export type Cut = {
  name: string
  /** Resolves at the moment; with what can be said of it. `name`: of the bundle; `rootBytes`: how much is written by it, about. */
  until: (box: Box, name: string, rootBytes: number) => Promise<string>
  /** The system before; the new one; or, where no other is on its way, the one that ran. */
  leaves: 'old' | 'new' | 'same'
  /** State, and why, of the box that came up. */
  says: RegExp
  /** The next cut is made in the trial that this one leaves. */
  leavesTrial?: true
}

const begun = /^refused The power went while/

/** The power goes when so much of the root is on the disk. */
const whenWritten = (share: number): Cut => ({
  name: `when ${Math.round(share * 100)} % of the new root are written`,
  until: (box, name, rootBytes) => written(box, name, share * rootBytes),
  leaves: 'old',
  says: begun,
})

async function written(box: Box, name: string, bytes: number): Promise<string> {
  await box.beginsToInstall(name)
  await box.comesToSay('installing')
  const { monitor } = box.machine
  const from = (await monitor.written()).bytes
  const late = performance.now() + 600_000
  for (;;) {
    const now = (await monitor.written()).bytes - from
    if (now >= bytes) return `${(now / 1e6).toFixed(1)} MB of it`
    if (performance.now() > late) throw new Error(`After ten minutes ${now} octets were written.`)
    await new Promise((done) => setTimeout(done, 10))
  }
}

/** Of the root; its end is written by then, or is the next thing to be. */
const nearlyAll = 0.9
/** So that the steps of a switch are far enough apart to be told from each other. */
const writesPerSecond = 10

/** The disk becomes slow, and the power goes with the first change to GRUB's environment. */
async function atTheSwitch(box: Box, name: string, rootBytes: number): Promise<string> {
  await written(box, name, nearlyAll * rootBytes)
  const { monitor, disk } = box.machine
  await monitor.slow(writesPerSecond)
  const order = () =>
    read(disk, 'EFI/BOOT/grubenv')
      .replace(/^#.*\n?/gm, '')
      .trim()
      .replaceAll('\n', ' ')
  const before = order()
  const late = performance.now() + 600_000
  for (;;) {
    const now = order()
    if (now !== before) return `"${before}", then "${now}"`
    if (performance.now() > late) throw new Error(`After ten minutes GRUB's environment is still ${before}.`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

export const cuts: readonly Cut[] = [
  {
    name: 'while the bundle is brought',
    async until(box, name, rootBytes) {
      await box.beginsToBring(name)
      await box.received(rootBytes / 2)
      return 'half of it'
    },
    leaves: 'old',
    says: /^idle/,
  },
  {
    name: 'while the bundle is looked at',
    async until(box, name) {
      await box.beginsToBring(name)
      await box.comesToSay('checking')
      return 'checking'
    },
    leaves: 'old',
    says: /^(idle|checked)/,
  },
  {
    name: 'at the first moment of the installation',
    async until(box, name) {
      await box.beginsToInstall(name)
      await box.comesToSay('installing')
      return 'installing'
    },
    leaves: 'old',
    says: begun,
  },
  ...[0.02, 0.25, 0.5, 0.75, 0.98].map(whenWritten),
  { name: 'at the moment when GRUB is told of the new slot', until: atTheSwitch, leaves: 'new', says: /^idle/ },
  {
    name: 'when all is installed, before the box restarts',
    async until(box, name) {
      await box.beginsToInstall(name)
      await box.comesToSay('installed')
      return 'installed'
    },
    leaves: 'new',
    says: /^trial/,
    leavesTrial: true,
  },
  {
    name: 'in the trial of the new system',
    async until(box) {
      const { state } = await box.told()
      assert.equal(state, 'trial')
      return state
    },
    leaves: 'same',
    says: /^idle/,
  },
]
