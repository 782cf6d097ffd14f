import { Low } from 'lowdb'
import { z } from 'zod'
import { type Disk, isDiskError, isReadOnly } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'
import { hex, type Random } from '../ports/random.ts'
import { DurableJson, keep } from './durable.ts'

/** `used`: when somebody used it last, on both scales. */
const session = z.object({
  hash: z.string(),
  from: z.string(),
  at: z.number(),
  used: z.object({ boot: z.string(), mono: z.number(), wall: z.number() }).optional(),
})

/** What the device knows of itself: its id, made once, when its clock was last known to be right, and how its relays take letters. */
const schema = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  lastSync: z.object({ wall: z.number() }).optional(),
  relays: z
    .record(
      z.string(),
      z.object({
        skills: z.partialRecord(z.enum(['pipelining', 'chunking', 'together']), z.object({ good: z.boolean(), at: z.number() })),
        connections: z.object({ most: z.int().min(1).max(64), at: z.number() }).optional(),
      }),
    )
    .optional(),
  /** Octets written to the storage since the box was set up; see src/device/wear.ts. */
  wear: z.object({ bytes: z.number(), boot: z.string(), counted: z.number() }).optional(),
  /** The roll-back that was told last, in its words. */
  rolledBack: z.string().optional(),
  /** Where the page was before it was moved, until somebody has confirmed that it is well in its new place. What a newer version wrote here is no reason to doubt the file. */
  placeBefore: z.object({ listen: z.string(), tls: z.string() }).optional().catch(undefined),
  /** Key of the codes in the subjects of letters, base64. */
  codeKey: z.string().optional(),
  access: z
    .object({
      /** Said once, on the console or the label, by whoever sets the box up. */
      claim: z.string(),
      password: z.object({ salt: z.string(), hash: z.string(), cost: z.int() }).optional(),
      /** SHA-256 of each, so that who reads this file can log in nowhere. */
      sessions: z.array(session).default([]),
      tokens: z
        .array(z.object({ id: z.string(), name: z.string(), scope: z.enum(['alerts', 'read', 'all']), hash: z.string() }))
        .default([]),
      /** Passwords and codes that were wrong, since the last that was right. */
      failures: z.int().default(0),
    })
    .optional(),
})
export type Device = z.infer<typeof schema>
export type Access = NonNullable<Device['access']>

const idBytes = 8

/** What a flashed box is called in its network, by multicast DNS with `.local`; its first boot names the machine so (firmware-host/first-boot/identity.ts), and label, console and QR code say it. */
export const hostNameOf = ({ id }: Pick<Device, 'id'>): string => `outpost-${id.slice(-4)}`

export class DeviceStore {
  readonly notes: string[]
  readonly #low: Low<Device>
  #writing: Promise<void> = Promise.resolve()

  private constructor(low: Low<Device>, notes: string[]) {
    this.#low = low
    this.notes = notes
  }

  get data(): Device {
    return this.#low.data
  }

  /**
   * Reads device.json, or makes it. What was recovered from its predecessor is written again, since others read the file, too; when both are spoiled, a new id is made and said aloud. Rejects with DiskError when
   * there is nothing to read and nothing can be written; but for a file system that is read-only as a whole: what waits on it is sent all the same.
   */
  static async open(disk: Disk, random: Random, dir: string): Promise<DeviceStore> {
    const adapter = new DurableJson<Device>(disk, dir, 'device.json', (value) => schema.parse(value))
    const low = new Low<Device>(adapter, { id: hex(random.bytes(idBytes)) })
    const value = await adapter.read()
    if (value) low.data = value
    else
      await low.write().catch((error: unknown) => {
        if (!isReadOnly(error)) throw error
        adapter.notes.push(`device.json cannot be made: ${sentence(error)} The device has its id for this life only.`)
      })
    // A disk that takes nothing has been told before, and what was read holds all the same.
    if (adapter.recovered)
      await low.write().catch((error: unknown) => adapter.notes.push(`device.json cannot be mended: ${sentence(error)}`))
    const notes =
      adapter.broken === undefined
        ? adapter.notes
        : [
            ...adapter.notes,
            `device.json cannot be used (${adapter.broken}); the device has a new id, so letters that wait get new Message-IDs.`,
          ]
    return new DeviceStore(low, notes)
  }

  /** The clock is right now. Durable when it resolves. Rejects with DiskError. */
  synchronised(wall: number): Promise<void> {
    return this.#update((device) => ({ ...device, lastSync: { wall } }))
  }

  /** How a relay takes letters; the names are those of src/relay/traits.ts. Durable when it resolves. */
  relay(id: string, traits: NonNullable<Device['relays']>[string]): Promise<void> {
    return this.#update((device) => ({ ...device, relays: { ...device.relays, [id]: traits } }))
  }

  /** What was written to the storage. Durable when it resolves. */
  wear(wear: NonNullable<Device['wear']>): Promise<void> {
    return this.#update((device) => ({ ...device, wear }))
  }

  /** This roll-back was told; undefined: it is over, and the next one is another, whatever its words. Durable when it resolves. */
  rolledBack(words: string | undefined): Promise<void> {
    return this.#update(({ rolledBack: _, ...device }) => (words === undefined ? device : { ...device, rolledBack: words }))
  }

  /** Where the page goes back to; undefined: it stays where it is. Durable when it resolves. Rejects with DiskError. */
  placeBefore(place: Device['placeBefore']): Promise<void> {
    return this.#update(({ placeBefore: _, ...device }) => (place === undefined ? device : { ...device, placeBefore: place }))
  }

  /** The key of the codes in subjects, made at the first question; for this life only, where the disk takes nothing. */
  async codeKey(random: Random): Promise<Uint8Array> {
    if (this.data.codeKey === undefined)
      await this.#hold((device) => ({ ...device, codeKey: device.codeKey ?? Buffer.from(random.bytes(32)).toString('base64') }))
    return Buffer.from(this.data.codeKey ?? '', 'base64')
  }

  /** Who may come in. Durable when it resolves. Rejects with DiskError; then it is what it was. */
  access(change: (access: Access) => Access): Promise<void> {
    return this.#update((device) => ({ ...device, access: change(device.access ?? noAccess()) }))
  }

  /** The same, but where the disk takes nothing it holds for this life: whoever comes to see what is wrong must get in. */
  accessForNow(change: (access: Access) => Access): Promise<void> {
    return this.#hold((device) => ({ ...device, access: change(device.access ?? noAccess()) }))
  }

  /** What the disk does not take holds for this life, and is written with the next change that it takes. */
  #hold(change: (device: Device) => Device): Promise<void> {
    const mine = this.#writing.then(async () => {
      const held = change(this.#low.data)
      await keep(this.#low, held).catch((error: unknown) => {
        if (!isDiskError(error)) throw error
        this.#low.data = held
      })
    })
    this.#writing = mine.catch(() => {})
    return mine
  }

  /** One after the other: two writers would share a draft. */
  #update(change: (device: Device) => Device): Promise<void> {
    const mine = this.#writing.then(() => keep(this.#low, change(this.#low.data)))
    this.#writing = mine.catch(() => {})
    return mine
  }
}

const noAccess = (): Access => ({ claim: '', sessions: [], tokens: [], failures: 0 })
