import { systemOf } from '../device/update.ts'
import { isHalfWiped, wipe } from '../settings/wipe.ts'
import { Refusal, type Scene } from './command.ts'

/** Asks root for a restart of the box, which takes it away (firmware-host/rootfs: outpost-reset.path). */
const restartName = 'reset'

type Place = Pick<Scene, 'ports' | 'dir' | 'book'>

/**
 * Reset: everything that was ever kept goes. A flashed box restarts then, since much follows from who it is: name, network, access point, label, and the claim code on the console are made anew by its first boot.
 * Rejects with DiskError when something cannot be removed; it is begun again then at the next start.
 */
export async function reset({ ports: { disk, sys }, dir, book }: Place): Promise<void> {
  await wipe(disk, dir, (await systemOf(sys)) ? restartName : undefined)
  // Lines name people, relays and devices of the owner before; the process goes on, and its page shows them.
  book.clear()
}

/** A reset that a power cut or a failing disk cut off is done again; the caller has the lock of the directory. Rejects with DiskError. */
export async function finishReset(place: Place): Promise<void> {
  const { disk, log } = place.ports
  if (!(await isHalfWiped(disk, place.dir))) return
  log('warning', 'device: a reset was cut off, and is done again')
  await reset(place)
}

/** The same for a command that wants to read the directory. Throws Refusal while somebody else is at it. */
export async function finishResetFirst(place: Place): Promise<void> {
  const { disk } = place.ports
  if (!(await isHalfWiped(disk, place.dir))) return
  const unlock = await disk.lock(place.dir)
  if (!unlock) throw new Refusal('This box is being reset just now. Try again in a moment.')
  try {
    await finishReset(place)
  } finally {
    await unlock()
  }
}
