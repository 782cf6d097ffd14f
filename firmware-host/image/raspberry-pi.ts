import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Board, Boot } from './board.ts'
import { kernelOptions } from './grub.ts'
import { type Layout, partition } from './layout.ts'
import { run } from './run.ts'

/**
 * Raspberry Pi: a start partition whose autoboot.txt names the slot, and two boot slots with firmware, kernel and device tree. `reboot "0 tryboot"` starts the other slot once; whoever finds
 * it good exchanges the numbers in autoboot.txt.
 */
export type PiBoot = Extract<Boot, { recipe: 'raspberry-pi' }>
export type PiBoard = Board & { boot: PiBoot }
type Slot = 'A' | 'B'

export const isPi = (board: Board): board is PiBoard => board.boot.recipe === 'raspberry-pi'

/** Numbers of the boot slots in the table. */
export const autobootTxt = (first: number, other: number): string =>
  ['[all]', 'tryboot_a_b=1', `boot_partition=${first}`, '[tryboot]', `boot_partition=${other}`, ''].join('\n')

export const configTxt = ({ title, boot }: PiBoard): string =>
  [
    `# ${title}. Written by the builder of the image; facts of the board are in boards/.`,
    '[all]',
    ...boot.configTxt,
    'kernel=vmlinuz',
    'initramfs initrd.img followkernel',
    `device_tree=${boot.deviceTree}`,
    'overlay_prefix=overlays/',
    'disable_overscan=1',
    'disable_splash=1',
    '',
  ].join('\n')

export const cmdlineTxt = (board: PiBoard, layout: Layout, slot: Slot): string =>
  `${[`root=PARTUUID=${partition(layout, slot === 'A' ? 'root-a' : 'root-b').uuid}`, `rauc.slot=${slot}`, ...kernelOptions(board)].join(' ')}\n`

/** Firmware of both generations: one card starts in either. */
const firmware = ['start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat']

/**
 * The kernel's command line for each slot, and the one that is taken: that of A, since an image is flashed with A. A bundle brings the same files to either slot, and its hook
 * (slot-hook) takes the one of the slot that it was written to.
 */
export const cmdlines = (board: PiBoard, layout: Layout): Record<string, string> => ({
  'cmdline.txt': cmdlineTxt(board, layout, 'A'),
  'cmdline.a': cmdlineTxt(board, layout, 'A'),
  'cmdline.b': cmdlineTxt(board, layout, 'B'),
})

/** Files of a boot slot, taken from the tree. They are the same for both slots. */
export async function bootFiles(root: string, tree: string, board: PiBoard, layout: Layout): Promise<Record<string, string | Uint8Array>> {
  const files: Record<string, string | Uint8Array> = {
    'config.txt': configTxt(board),
    ...cmdlines(board, layout),
    vmlinuz: readFileSync(join(tree, 'boot/vmlinuz')),
    'initrd.img': readFileSync(join(tree, 'boot/initrd.img')),
    [board.boot.deviceTree]: deviceTree(tree, board.boot.deviceTree),
  }
  for (const name of firmware) files[name] = readFileSync(join(tree, 'usr/lib/raspi-firmware', name))
  for (const name of overlaysOf(board)) files[`overlays/${name}.dtbo`] = await overlay(root, name)
  return files
}

export const startFiles = (tree: string, layout: Layout): Record<string, string | Uint8Array> => ({
  'bootcode.bin': readFileSync(join(tree, 'usr/lib/raspi-firmware/bootcode.bin')),
  'autoboot.txt': autobootTxt(partition(layout, 'boot-a').number, partition(layout, 'boot-b').number),
})

function deviceTree(tree: string, name: string): Uint8Array {
  const versions = readdirSync(join(tree, 'usr/lib')).filter((entry) => entry.startsWith('linux-image-'))
  const [version] = versions
  if (version === undefined || versions.length > 1) throw new Error('The tree has no kernel, or more than one.')
  return readFileSync(join(tree, 'usr/lib', version, 'broadcom', name))
}

/** Overlays that config.txt loads: `dtoverlay=gpio-key,gpio=17` is the file gpio-key. */
export const overlaysOf = ({ boot }: PiBoard): string[] => [
  ...new Set(boot.configTxt.flatMap((line) => /^dtoverlay=([^,]+)/.exec(line)?.[1] ?? [])),
]

/** Debian's kernel comes without overlays; those of boards/overlays are written for it. */
async function overlay(root: string, name: string): Promise<Uint8Array> {
  return run('dtc', ['-@', '-q', '-I', 'dts', '-O', 'dtb', join(root, 'boards/overlays', `${name}.dts`)])
}
