import type { Sys } from '../ports/sys.ts'

/** Wear: what was written to the storage of the data directory since the box was set up, and what an eMMC says of its own life. */
export type Kept = {
  /** Octets, without those of `boot` that came after `counted`. */
  bytes: number
  /** The boot in which it was counted, and what the kernel had counted in it by then. */
  boot: string
  counted: number
}

/** The count, when the kernel says `counted` in the boot `boot`. A first look begins with nothing: what was written before is not ours. */
export function countedOn(before: Kept | undefined, boot: string, counted: number): Kept {
  if (!before) return { bytes: 0, boot, counted }
  // Counters of the kernel begin at zero with each boot; one that fell is another device.
  const since = before.boot === boot && counted >= before.counted ? counted - before.counted : counted
  return { bytes: before.bytes + since, boot, counted }
}

/** What the eMMC registers say (JESD84-B51, 7.4.22 to 24). */
export type Life = {
  /** At most this much of its life is used, in steps of ten. */
  usedPercent: number
  /** It works with its last reserves. */
  nearlyOver: boolean
}

const sectorBytes = 512
/** Field of /sys/block/…/stat: sectors written. */
const writtenField = 6
const worstLife = 11

/** `device`: major:minor of the file system. A partition is counted with its whole device, since that is what wears. Empty where nothing is told. */
export async function readWear(sys: Sys, device: string | undefined): Promise<{ counted?: number; life?: Life }> {
  if (device === undefined) return {}
  const own = `/sys/dev/block/${device}`
  const whole = (await sys.read(`${own}/partition`)) === undefined ? own : `${own}/..`
  const sectors = Number((await sys.read(`${whole}/stat`))?.trim().split(/\s+/)[writtenField] ?? Number.NaN)
  const life = lifeOf(await sys.read(`${whole}/device/life_time`), await sys.read(`${whole}/device/pre_eol_info`))
  return { ...(Number.isNaN(sectors) ? {} : { counted: sectors * sectorBytes }), ...(life ? { life } : {}) }
}

/** `0x01 0x02`: one value for each kind of cell, the worse counts; 1 is up to 10 %, 11 is past its life. pre_eol_info: 1 is normal. */
export function lifeOf(lifeTime: string | undefined, reserves: string | undefined): Life | undefined {
  const steps = (lifeTime ?? '')
    .trim()
    .split(/\s+/)
    .map(Number)
    .filter((step) => step >= 1 && step <= worstLife)
  if (steps.length === 0) return undefined
  const worst = Math.max(...steps)
  return { usedPercent: Math.min(100, worst * 10), nearlyOver: worst >= 10 || Number(reserves ?? 0) >= 2 }
}
