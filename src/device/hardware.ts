import type { Sys } from '../ports/sys.ts'
import { type Climate, readClimate } from './climate.ts'
import { type Life, readWear } from './wear.ts'

/** Hardware: what the machine tells of itself. What it does not tell is not there: an ordinary PC has no board and no lamp. */
export type Hardware = Climate &
  Partial<Life> & {
    /** Octets written to the storage since the box was set up. */
    writtenBytes?: number
  }

/** One look. `counted`: octets that the kernel saw written to the storage in this boot. */
export async function lookAt(sys: Sys, device: string | undefined): Promise<{ climate: Climate; counted?: number; life?: Life }> {
  return { climate: await readClimate(sys), ...(await readWear(sys, device)) }
}
