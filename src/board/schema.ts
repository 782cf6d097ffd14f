import { z } from 'zod'

/**
 * Board: facts of one kind of computer, as they stand in a file of `boards/`. No decision is in it: the image is built by them, the lamp and the button
 * are found by them, and the page calls the serial lines by the names that stand beside the sockets.
 */
const words = (max = 200) =>
  z
    .string()
    .min(1, 'Write something.')
    .max(max, `Write at most ${max} characters.`)
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'Write one line without control characters.')
const sentence = words(300).regex(/^[A-Z].*[.]$/, 'Write a sentence: it begins with a capital letter and ends with a full stop.')
const device = z.string().regex(/^\/dev\/[A-Za-z0-9/_.-]{1,60}$/, 'Write the path of a device, such as /dev/ttyAMA0.')
const option = words().regex(/^\S+$/, 'Write one word without spaces, such as console=tty1.')
const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'Write the name of a Debian package, such as firmware-brcm80211.')

const detect = z
  .strictObject({
    compatible: z
      .array(z.string().regex(/^[a-z0-9-]+,[A-Za-z0-9.-]+$/, 'Write vendor,model as /proc/device-tree/compatible has it.'))
      .min(1, 'Write at least one, or leave the key out.')
      .optional()
      .meta({ description: 'Of `/proc/device-tree/compatible`; any of them.' }),
    product: z
      .array(words(80))
      .min(1, 'Write at least one, or leave the key out.')
      .optional()
      .meta({ description: 'Of `/sys/class/dmi/id/product_name`; any of them. For machines that have no device tree.' }),
    otherwise: z.literal(true).optional().meta({ description: 'Any machine of this architecture that no other file knows.' }),
  })
  .refine((value) => Object.keys(value).length > 0, 'Write compatible, product or otherwise: else nobody finds the board.')

const cmdline = z.array(option).max(20).meta({ description: 'Options of the kernel that this board needs.' })
const console = z
  .string()
  .regex(/^tty[A-Z]*[0-9]+$/, 'Write the name of a terminal, such as tty1 or ttyS0.')
  .meta({ description: 'Where the claim code and the log-in are shown: the name of a terminal without `/dev/`.' })

const boot = z.discriminatedUnion('recipe', [
  z.strictObject({ recipe: z.literal('grub-efi').meta({ description: 'UEFI starts GRUB, which starts the kernel.' }), cmdline, console }),
  z.strictObject({
    recipe: z.literal('raspberry-pi').meta({ description: 'The firmware of the board reads config.txt and starts the kernel itself.' }),
    deviceTree: z
      .string()
      .regex(/^[a-z0-9-]+\.dtb$/, 'Write the name of the file, such as bcm2711-rpi-4-b.dtb.')
      .meta({ description: "The file of Debian's kernel package that describes this board." }),
    configTxt: z.array(option).max(30).meta({ description: 'Lines of config.txt that this board needs beside kernel and initramfs.' }),
    cmdline,
    console,
  }),
  z.strictObject({
    recipe: z.literal('none').meta({ description: 'No image is built for it.' }),
    why: sentence.meta({ description: 'Why not, and what to do instead.' }),
  }),
])

const serial = z.strictObject({
  label: words(60).meta({ description: 'As somebody with the board in hand would call it.' }),
  path: device.meta({ description: 'Where the kernel has it once the overlay is there.' }),
  overlay: words(100)
    .optional()
    .meta({ description: 'Device tree overlay that it needs, under the name that the makers of the board gave it.' }),
  pins: words().optional().meta({ description: 'Which pin sends and which receives; else what is to be known of the socket.' }),
})

const led = z
  .string()
  .regex(/^[A-Za-z0-9:_.-]{1,60}$/, 'Write a name below /sys/class/leds.')
  .optional()

export const boardSchema = z.strictObject({
  title: words(60).meta({ title: 'Title', description: 'As its maker calls it.' }),
  arch: z.enum(['arm64', 'x64', 'armhf']).meta({ title: 'Architecture' }),
  detect: detect.meta({ title: 'Detection', description: 'By what the machine tells of itself.' }),
  memoryMiB: z.int().min(256).max(1_048_576).meta({
    title: 'Memory',
    description: 'Of the smallest variant that is sold, in MiB; for a machine of any size, the least that is enough.',
  }),
  heapMiB: z.int().min(64).max(4096).meta({
    title: 'Heap',
    description: 'What the gateway may use of it for its objects (`OUTPOST_HEAP_MIB` of `bin/outpost`), in MiB. At most a quarter.',
  }),
  boot: boot.meta({ title: 'Boot', description: 'How an image for it starts.' }),
  serial: z.array(serial).max(20).meta({ title: 'Serial lines', description: 'Those on the board; USB adapters need no entry.' }),
  leds: z
    .strictObject({
      state: led.meta({ description: 'The lamp that tells how the box is.' }),
      link: led.meta({ description: 'The lamp that is on while there is a way out.' }),
    })
    .meta({ title: 'Lamps', description: 'By role; names below `/sys/class/leds`. The field guide tells what they say.' }),
  watchdog: z
    .strictObject({
      device,
      drivers: z
        .array(z.string().regex(/^[A-Za-z0-9_-]+$/))
        .min(1)
        .meta({ description: 'Kernel modules of which one drives it.' }),
      maxSeconds: z.int().min(1).max(86_400).meta({ description: 'The longest time that it can be set to.' }),
    })
    .optional()
    .meta({ title: 'Watchdog', description: 'What starts the machine anew when the kernel or systemd hangs.' }),
  clockBattery: z.boolean().meta({ title: 'Clock battery', description: 'The clock goes on without power.' }),
  storage: z.enum(['sd', 'emmc', 'disk']).meta({ title: 'Storage', description: 'What the data directory lies on.' }),
  button: z
    .strictObject({
      code: z
        .int()
        .min(1)
        .max(767)
        .meta({ description: 'Of the key as the kernel tells it (linux/input-event-codes.h); 408 is KEY_RESTART.' }),
      pins: words().meta({ description: 'Where it is, or where to connect one.' }),
      overlay: words(100).optional().meta({ description: 'Device tree overlay that it needs.' }),
    })
    .optional()
    .meta({ title: 'Button', description: 'Held for 5 seconds, it resets the box to what it was when it was new.' }),
  wifi: z.boolean().meta({ title: 'Wi-Fi', description: 'There is Wi-Fi on the board.' }),
  firmware: z
    .array(packageName)
    .max(20)
    .meta({ title: 'Firmware', description: 'Debian packages that it needs to start or to reach a network.' }),
  notes: z.array(sentence).max(10).optional().meta({ title: 'Notes', description: 'What else somebody must know before choosing it.' }),
})

/** `name` is that of the file, without `.json`. */
export type Board = z.infer<typeof boardSchema> & { name: string }
export type BoardFacts = z.infer<typeof boardSchema>
