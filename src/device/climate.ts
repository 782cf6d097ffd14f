import type { Sys } from '../ports/sys.ts'

/** Climate: how warm the processor is, and whether the supply gives enough, where the kernel tells. */
export type Climate = {
  /** Degrees Celsius, of the processor. */
  celsius?: number
  /** `low`: too little within the last moments; `was-low`: since the boot, and not now. Not every kernel of a Raspberry Pi tells. */
  supply?: 'good' | 'was-low' | 'low'
}

export async function readClimate(sys: Sys): Promise<Climate> {
  const celsius = await temperature(sys)
  const supply = (await supplyByFirmware(sys)) ?? (await supplyByMonitor(sys))
  return { ...(celsius === undefined ? {} : { celsius }), ...(supply === undefined ? {} : { supply }) }
}

const thermal = '/sys/class/thermal'
/** linux: thermal zones of processors, as Raspberry Pi, PCs and other boards call them. */
const ofProcessor = /cpu|x86_pkg|soc/i

async function temperature(sys: Sys): Promise<number | undefined> {
  const zones: { mine: boolean; celsius: number }[] = []
  for (const zone of (await sys.list(thermal)).filter((name) => name.startsWith('thermal_zone'))) {
    const milli = Number.parseInt((await sys.read(`${thermal}/${zone}/temp`)) ?? '', 10)
    if (Number.isNaN(milli)) continue
    zones.push({ mine: ofProcessor.test((await sys.read(`${thermal}/${zone}/type`)) ?? ''), celsius: Math.round(milli / 1000) })
  }
  return (zones.find((zone) => zone.mine) ?? zones[0])?.celsius
}

/** Kernel of Raspberry Pi OS. */
const throttledPath = '/sys/devices/platform/soc/soc:firmware/get_throttled'
const lowNow = 0x1
const lowBefore = 0x10000

async function supplyByFirmware(sys: Sys): Promise<Climate['supply']> {
  const bits = Number.parseInt((await sys.read(throttledPath)) ?? '', 16)
  if (Number.isNaN(bits)) return undefined
  return (bits & lowNow) !== 0 ? 'low' : (bits & lowBefore) !== 0 ? 'was-low' : 'good'
}

/** The driver raspberrypi-hwmon asks the firmware every two seconds. */
async function supplyByMonitor(sys: Sys): Promise<Climate['supply']> {
  const hwmon = '/sys/class/hwmon'
  for (const name of await sys.list(hwmon)) {
    if ((await sys.read(`${hwmon}/${name}/name`))?.trim() !== 'rpi_volt') continue
    const alarm = (await sys.read(`${hwmon}/${name}/in0_lcrit_alarm`))?.trim()
    return alarm === undefined ? undefined : alarm === '0' ? 'good' : 'low'
  }
  return undefined
}
