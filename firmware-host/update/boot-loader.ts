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

type Slot = 'A' | 'B'

/** GRUB's environment; undefined where another boot loader starts the box. */
function environmentOf({ raucConf }: Place): { file: string; values: Readonly<Record<string, string>> } | undefined {
  const file = /^grubenv=(.+)$/m.exec(readFileSync(raucConf, 'utf8'))?.[1]
  if (file === undefined) return undefined
  const lines = readFileSync(file, 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm)
  return { file, values: Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value])) }
}

/**
 * The slot that GRUB should have started and passed over, for it was started too often without being confirmed. `rauc status` does not tell: it takes every slot whose start is being counted, also the one that
 * runs, for one that is not to be started.
 */
export function passedOver(place: Place, running: Slot): Slot | undefined {
  const { values } = environmentOf(place) ?? {}
  const first = /^[AB]/.exec(values?.ORDER ?? '')?.[0] as Slot | undefined
  return first !== undefined && first !== running && values?.[`${first}_OK`] === '1' ? first : undefined
}

/** Whether GRUB is to take a slot for one that has worked, which gets more starts to be confirmed again. */
export async function assure(place: Place, slot: Slot, isSure: boolean): Promise<void> {
  const environment = environmentOf(place)
  const sure = isSure ? '1' : '0'
  if (environment && environment.values[`${slot}_SURE`] !== sure)
    await run('grub-editenv', [environment.file, 'set', `${slot}_SURE=${sure}`])
}

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
