import type { House } from './house.ts'

/** Everything that the overview shows, as plain data. Times are ms; ages are reckoned on a clock that never jumps. */
export function stateOf(house: House) {
  const { ports, software } = house
  const { clock } = ports
  const desk = house.desk()
  return {
    software,
    site: { name: house.siteName },
    device: house.device.data.id,
    clock: { wall: clock.wall(), synchronised: clock.synchronised(), plausible: clock.wall() >= house.builtAt },
    boot: clock.boot,
    /** Since the device was booted. */
    upMs: Math.round(clock.monotonic()),
    ...(house.trialLeftMs === undefined ? {} : { trialLeftMs: house.trialLeftMs }),
    ...(house.standsStill === undefined ? {} : { standsStill: house.standsStill }),
    ...(desk ? { gateway: { ...desk.state(), alerts: desk.alerts() } } : {}),
  }
}

export type State = ReturnType<typeof stateOf>
