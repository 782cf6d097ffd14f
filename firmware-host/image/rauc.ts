import type { Board } from './board.ts'
import { type Layout, partition, type Role } from './layout.ts'

/** RAUC: which slots there are and who chooses among them, as /etc/rauc/system.conf. Without a keyring (`--keyring`) no update is accepted. Pure. */
export function raucConf({ name, boot }: Board, layout: Layout): string {
  const at = (role: Role) => `/dev/disk/by-partuuid/${partition(layout, role).uuid}`
  const grub = boot.recipe === 'grub-efi'
  return [
    '[system]',
    `compatible=outpost-${name}`,
    ...(grub ? ['bootloader=grub', 'grubenv=/boot/firmware/EFI/BOOT/grubenv'] : ['bootloader=custom']),
    'data-directory=/var/lib/rauc',
    'bundle-formats=verity',
    'max-bundle-download-size=536870912',
    '',
    '[keyring]',
    'path=/etc/rauc/keyring.pem',
    '',
    ...(grub ? [] : ['[handlers]', 'bootloader-custom-backend=/usr/lib/outpost/host/tryboot', '']),
    ...['a', 'b'].flatMap((letter, index) => [
      `[slot.rootfs.${index}]`,
      `device=${at(letter === 'a' ? 'root-a' : 'root-b')}`,
      'type=raw',
      `bootname=${letter.toUpperCase()}`,
      '',
      ...(grub
        ? []
        : [`[slot.boot.${index}]`, `device=${at(letter === 'a' ? 'boot-a' : 'boot-b')}`, 'type=raw', `parent=rootfs.${index}`, '']),
    ]),
  ].join('\n')
}
