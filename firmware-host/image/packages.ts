import type { Board } from './board.ts'

/** Packages: what of Debian is on the device, and what of that is left out. Each has a reason to be there. */
const common = [
  // PID 1, network, names (with mDNS), time.
  'systemd',
  'systemd-sysv',
  'systemd-resolved',
  'systemd-timesyncd',
  'udev',
  'kmod',
  'nftables',
  // Updates. Its service speaks over D-Bus.
  'dbus',
  'rauc',
  'rauc-service',
  // The data partition: checked, grown.
  'e2fsprogs',
  'fdisk',
  'dosfstools',
  // Trust in relays.
  'ca-certificates',
  // Node is linked against it.
  'libstdc++6',
  'initramfs-tools',
  'busybox',
  'zstd',
]

const kernels = { x64: 'linux-image-amd64', arm64: 'linux-image-arm64' } as const
const grub = { x64: ['grub-efi-amd64-bin', 'grub-common'], arm64: ['grub-efi-arm64-bin', 'grub-common'] } as const

/** Names of packages for a board, sorted: boards with the same list share one tree. */
export function packagesFor({ arch, boot, wifi, firmware }: Board): string[] {
  const starter = boot.recipe === 'grub-efi' ? grub[arch] : []
  return [...common, kernels[arch], ...starter, ...(wifi ? ['wpasupplicant', 'wireless-regdb'] : []), ...firmware].sort()
}

/** Debian's sections that a board needs. */
export const componentsFor = ({ firmware }: Board): string => (firmware.length > 0 ? 'main non-free-firmware' : 'main')

const modules = '/usr/lib/modules/*/kernel'

/** Files that dpkg leaves out, as its path-exclude has it. */
export function leftOut({ wifi }: Board): string[] {
  return [
    '/usr/share/man/*',
    '/usr/share/info/*',
    '/usr/share/locale/*',
    '/usr/share/doc/*',
    '/usr/share/bash-completion/*',
    '/usr/share/zsh/*',
    '/usr/share/fish/*',
    '/usr/share/lintian/*',
    '/usr/share/bug/*',
    '/usr/share/grub/*',
    // Character sets other than UTF-8: nothing here converts.
    '/usr/lib/*/gconv/*',
    // Pictures, sound, clusters of computers.
    ...['amd', 'i915', 'xe', 'nouveau', 'radeon', 'gma500', 'vmwgfx'].map((name) => `${modules}/drivers/gpu/drm/${name}/*`),
    ...[
      'media',
      'infiniband',
      'isdn',
      'staging',
      'comedi',
      'accel',
      'target',
      'scsi/lpfc',
      'scsi/qla2xxx',
      'scsi/qla4xxx',
      'scsi/bfa',
      'bluetooth',
    ].map((name) => `${modules}/drivers/${name}/*`),
    ...['bcachefs', 'btrfs', 'xfs', 'ocfs2', 'smb', 'nfs', 'nfsd', 'f2fs', 'ceph', 'gfs2', 'jfs', 'ubifs', 'afs', 'orangefs'].map(
      (name) => `${modules}/fs/${name}/*`,
    ),
    `${modules}/sound/*`,
    `${modules}/net/bluetooth/*`,
    ...(wifi ? [] : [`${modules}/drivers/net/wireless/*`]),
  ]
}

/** What stays of it after all: the licences. */
export const keptAll = ['/usr/share/doc/*/copyright']
