import { lookAt } from '../device/hardware.ts'
import { systemOf } from '../device/update.ts'
import { countedOn } from '../device/wear.ts'
import type { Cancel } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { Sys } from '../ports/sys.ts'
import type { DeviceStore } from '../settings/device.ts'
import type { Scene } from './command.ts'
import type { Household } from './household.ts'

/** How often the machine is looked at. */
const lookMs = 60_000
/** How often the count of what was written is itself written: four times a day spare the card, and a power cut forgets no more than this. */
const keepMs = 6 * 3_600_000

/** Gauges: temperature, supply and wear are looked at once a minute, for the page and the lamp. The returned function ends that, and keeps the count. */
export async function readGauges(
  { ports: { sys, clock, log }, dir }: Scene,
  device: DeviceStore,
  household: Household,
): Promise<() => Promise<void>> {
  const storage = await sys.deviceOf(dir)
  let cancel: Cancel = () => {}
  let stopped = false
  // The first count is kept at once: it is where counting begins.
  let keptAt = device.data.wear ? clock.monotonic() : Number.NEGATIVE_INFINITY
  let supply: string | undefined
  const keep = async (counted: number | undefined) => {
    if (counted === undefined) return
    try {
      await device.wear(countedOn(device.data.wear, clock.boot, counted))
    } catch (error) {
      log('warning', 'device: the count of what was written cannot be kept', { why: sentence(error) })
    }
  }
  const look = async (): Promise<number | undefined> => {
    const { climate, life, counted } = await lookAt(sys, storage)
    const written = counted === undefined ? undefined : countedOn(device.data.wear, clock.boot, counted).bytes
    household.hardware = {
      ...climate,
      ...life,
      ...(written === undefined ? {} : { writtenBytes: written }),
    }
    if (climate.supply === 'low' && supply !== 'low')
      log('warning', 'device: the power supply is too weak', {
        what: 'Use the supply that the maker of the board names, and a short cable.',
      })
    supply = climate.supply
    return counted
  }
  const again = async () => {
    const counted = await look()
    await tellRollBack(sys, device, household)
    if (counted !== undefined && clock.monotonic() - keptAt >= keepMs) {
      keptAt = clock.monotonic()
      await keep(counted)
    }
    if (!stopped) cancel = clock.after(lookMs, () => void again())
  }
  await again()
  return async () => {
    stopped = true
    cancel()
    await keep(await look())
  }
}

/** An update that did not work is an alert, told once. Any other state says that it is over: the same bundle may fail again, in the same words. */
async function tellRollBack(sys: Sys, device: DeviceStore, household: Household): Promise<void> {
  const system = await systemOf(sys)
  const desk = household.desk()
  if (system && system.state !== 'rolled-back' && device.data.rolledBack !== undefined) await device.rolledBack(undefined).catch(() => {})
  if (system?.state !== 'rolled-back' || !desk || device.data.rolledBack === (system.why ?? '')) return
  const text = system.why ?? 'The last update did not work, and the box went back to the version before.'
  const taken = await desk.tell({ text, severity: 'warning', state: 'event' })
  if (taken.kind !== 'refused') await device.rolledBack(system.why ?? '').catch(() => {})
}
