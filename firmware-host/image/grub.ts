import type { Board } from './board.ts'
import { type Layout, partition, type Role } from './layout.ts'
import { run } from './run.ts'

/** GRUB: chooses the slot as RAUC expects it (ORDER, and for each slot OK and TRY in grubenv), and starts the kernel that lies in that slot. */
const programs = { x64: { format: 'x86_64-efi', file: 'BOOTX64.EFI' }, arm64: { format: 'arm64-efi', file: 'BOOTAA64.EFI' } } as const

const modules = [
  'part_gpt',
  'fat',
  'squash4',
  'gzio',
  'loadenv',
  'test',
  'echo',
  'linux',
  'normal',
  'regexp',
  'all_video',
  'reboot',
  'sleep',
]

/** Name below /EFI/BOOT, where every firmware looks on a disk that it does not know. */
export const grubFile = ({ arch }: Board): string => programs[arch].file

/** GRUB as one program, made by the grub-mkimage of the tree. */
export async function makeGrub(tree: string, { arch }: Board): Promise<Buffer> {
  await run('chroot', [tree, 'grub-mkimage', '-O', programs[arch].format, '-o', '/grub.efi', '-p', '/EFI/BOOT', ...modules])
  const bytes = await run('cat', [`${tree}/grub.efi`])
  await run('rm', [`${tree}/grub.efi`])
  return bytes
}

/** ORDER, OK and TRY are RAUC's. SURE is ours: the slot was confirmed once (firmware-host/update/confirm). */
export const firstSlots = { ORDER: 'A B', A_OK: '1', A_TRY: '0', A_SURE: '0', B_OK: '0', B_TRY: '0', B_SURE: '0' }

/** Starts that a slot gets to be confirmed: one on trial, and one that was confirmed before, which a line that comes and goes must not cost it. */
const starts = { trial: 3, sure: 9 }

/** GRUB cannot add. */
const countOne = (name: string): string =>
  Array.from({ length: starts.sure - 1 }, (_, tried) => `if [ "$${name}" = ${tried} ]; then set ${name}=${tried + 1}; el`).join('') +
  `se set ${name}=${starts.sure}; fi`

/** An environment block: 1,024 octets, because GRUB rewrites it in place and can make no file longer. */
export function grubEnv(values: Readonly<Record<string, string>>): string {
  const text = `# GRUB Environment Block\n${Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')}`
  return text.padEnd(1024, '#')
}

export function grubCfg(board: Board, layout: Layout): string {
  const menu = (slot: 'A' | 'B', role: Role) => {
    const { number, uuid } = partition(layout, role)
    return [
      `if [ "$slot" = ${slot} ]; then`,
      `  ${countOne(`${slot}_TRY`)}`,
      `  set from="($disk,gpt${number})"`,
      `  set options="root=PARTUUID=${uuid} rauc.slot=${slot}"`,
      'fi',
    ]
  }
  return [
    `# The first slot of ORDER that is good and was not tried ${starts.trial} times since, or ${starts.sure} when it was confirmed once; else the first that is good; else A.`,
    '# A power cut while the box starts is no fault of its slot.',
    'set ORDER="A B"',
    'set A_OK=0 A_TRY=0 A_SURE=0 B_OK=0 B_TRY=0 B_SURE=0',
    'load_env --file "$prefix/grubenv"',
    'regexp --set=1:disk \'^([^,]+),\' "$root"',
    'set slot=""',
    'for candidate in $ORDER; do',
    '  if [ "$candidate" = A ]; then set ok="$A_OK"; set try="$A_TRY"; set sure="$A_SURE"; else set ok="$B_OK"; set try="$B_TRY"; set sure="$B_SURE"; fi',
    `  if [ "$sure" = 1 ]; then set limit=${starts.sure}; else set limit=${starts.trial}; fi`,
    '  if [ -z "$slot" -a "$ok" = 1 -a "$try" -lt "$limit" ]; then set slot="$candidate"; fi',
    'done',
    'for candidate in $ORDER; do',
    '  if [ "$candidate" = A ]; then set ok="$A_OK"; else set ok="$B_OK"; fi',
    '  if [ -z "$slot" -a "$ok" = 1 ]; then set slot="$candidate"; fi',
    'done',
    'if [ -z "$slot" ]; then set slot=A; fi',
    ...menu('A', 'root-a'),
    ...menu('B', 'root-b'),
    'save_env --file "$prefix/grubenv" ORDER A_OK A_TRY A_SURE B_OK B_TRY B_SURE',
    'echo "Outpost, slot $slot"',
    `linux "$from/boot/vmlinuz" $options ${kernelOptions(board).join(' ')}`,
    'initrd "$from/boot/initrd.img"',
    'boot',
    '# What did not start is tried again: the slot that was tried is skipped now.',
    'sleep 5',
    'reboot',
    '',
  ].join('\n')
}

/** Options of the kernel that every board has, and those of this one. The last console is the one that is written to. */
export function kernelOptions({ boot, wifi }: Board): string[] {
  const consoles = boot.cmdline.some((option) => option.startsWith('console=')) ? [] : [`console=${boot.console}`]
  return [
    'ro',
    'rootfstype=squashfs',
    'rootwait',
    'quiet',
    'loglevel=4',
    'panic=10',
    'systemd.gpt_auto=no',
    'systemd.getty_auto=no',
    'systemd.firstboot=no',
    'fsck.repair=yes',
    // One Wi-Fi, one socket: they keep the kernel's names.
    ...(wifi ? ['net.ifnames=0'] : []),
    ...boot.cmdline,
    ...consoles,
  ]
}
