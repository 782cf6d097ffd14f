import { Low } from 'lowdb'
import { z } from 'zod'
import type { Disk } from '../ports/disk.ts'
import { hex, type Random } from '../ports/random.ts'
import { DurableJson, keep } from './durable.ts'

/** What the device knows of itself: its id, made once, and when its clock was last known to be right. */
const schema = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  lastSync: z.object({ wall: z.number() }).optional(),
})
export type Device = z.infer<typeof schema>

const idBytes = 8

export class DeviceStore {
  readonly notes: string[]
  readonly #low: Low<Device>

  private constructor(low: Low<Device>, notes: string[]) {
    this.#low = low
    this.notes = notes
  }

  get data(): Device {
    return this.#low.data
  }

  /** Reads device.json, or makes it. When the file and its predecessor are spoiled, a new id is made and said aloud. */
  static async open(disk: Disk, random: Random, dir: string): Promise<DeviceStore> {
    const adapter = new DurableJson<Device>(disk, dir, 'device.json', (value) => schema.parse(value))
    const low = new Low<Device>(adapter, { id: hex(random.bytes(idBytes)) })
    const value = await adapter.read()
    if (value) low.data = value
    else await low.write()
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
  async synchronised(wall: number): Promise<void> {
    await keep(this.#low, { ...this.#low.data, lastSync: { wall } })
  }
}
