import { systemOf } from '../device/update.ts'
import { replaceFile } from '../ports/disk.ts'
import { wipe } from '../settings/wipe.ts'
import type { Scene } from './command.ts'

/** Asks root for a restart of the box, which takes it away (firmware-host/rootfs: outpost-reset.path). */
const restartName = 'reset'

/**
 * Reset: everything that was ever kept goes. A flashed box restarts then, since much follows from who it is: name, network, access point, label, and the claim code on the console are made anew by its first boot.
 * Rejects with DiskError when something cannot be removed.
 */
export async function reset({ ports: { disk, sys }, dir }: Pick<Scene, 'ports' | 'dir'>): Promise<void> {
  await wipe(disk, dir)
  if (await systemOf(sys)) await replaceFile(disk, dir, restartName, Buffer.from('The box was reset, and restarts.\n'))
}
