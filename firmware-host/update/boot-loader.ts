import { readFileSync } from 'node:fs'
import type { Place } from './place.ts'
import { run } from './rauc.ts'

/**
 * Boot loader: how the box is made to start the slot that was just written, on trial. GRUB finds that in its environment, where RAUC wrote it. The firmware of a Raspberry Pi starts the other partition once when it is
 * told `tryboot`, and it is told so by the kernel, which takes the word from the argument of the restart. Linux itself does not pass it on (there is nothing of it in drivers/firmware/raspberrypi.c of 6.12, which
 * is Debian's); the kernel of Raspberry Pi OS does, in rpi_firmware_notify_reboot.
 */
const ofThePi = 'rpi_firmware_notify_reboot'

export const noTrial =
  'This board cannot be updated in place: its firmware tries another system only when the kernel tells it to, and the kernel of this image cannot. Download a backup, flash the card with the new image, and restore the backup.'

/** RAUC calls every boot loader custom for which it brings no program of its own; ours is that of a Raspberry Pi (firmware-host/image/rauc.ts). */
const needsTheWord = ({ raucConf }: Place): boolean => /^bootloader=custom$/m.test(readFileSync(raucConf, 'utf8'))

/** Why nothing may be installed here: without a trial there is no way back from a system that does not start. Undefined: there is one. */
export function whyNoTrial(place: Place): string | undefined {
  if (!needsTheWord(place)) return undefined
  const names = readFileSync(place.kernelNames, 'utf8')
  return new RegExp(`\\s${ofThePi}(\\s|$)`, 'm').test(names) ? undefined : noTrial
}

/** Restarts into the slot that was written. */
export async function restartIntoTrial(place: Place): Promise<void> {
  await run('systemctl', ['reboot', ...(needsTheWord(place) ? ['--reboot-argument=0 tryboot'] : [])])
}
