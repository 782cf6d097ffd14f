import { type Health, healthOf } from '../device/health.ts'
import type { Desk } from '../gateway/desk.ts'
import type { House } from './house.ts'

/** A year from the day of the build; by then there is a newer one (SECURITY.md). */
const supportMs = 365 * 24 * 3_600_000
/** Until when weaknesses of this very software are mended, in ms since 1970; also where `/.well-known/security.txt` ends. */
export const supportedUntil = ({ builtAt }: Pick<House, 'builtAt'>): number => builtAt + supportMs

/** Everything that the overview shows, as plain data. Times are ms; ages are reckoned on a clock that never jumps. */
export function stateOf(house: House) {
  const { ports, software } = house
  const { clock } = ports
  const desk = house.desk()
  const work = desk && { ...desk.state(), alerts: desk.alerts() }
  return {
    health: healthIn(house, work),
    hardware: { ...(house.board ? { board: house.board.title } : {}), ...house.hardware },
    software,
    supportedUntil: supportedUntil(house),
    site: { name: house.siteName },
    device: house.device.data.id,
    clock: { wall: clock.wall(), synchronised: clock.synchronised(), plausible: clock.wall() >= house.builtAt },
    boot: clock.boot,
    /** Since the device was booted. */
    upMs: Math.round(clock.monotonic()),
    ...(house.trialLeftMs === undefined ? {} : { trialLeftMs: house.trialLeftMs }),
    ...(house.standsStill === undefined ? {} : { standsStill: house.standsStill }),
    ...(work ? { gateway: work } : {}),
  }
}

export type State = ReturnType<typeof stateOf>

type Work = ReturnType<Desk['state']> & { alerts: ReturnType<Desk['alerts']> }

function healthIn({ standsStill, cannotStart, hardware }: House, work: Work | undefined): Health {
  const { supply, nearlyOver } = hardware
  return healthOf({
    standsStill: work ? undefined : (standsStill ?? 'The gateway is starting.'),
    cannotStart,
    readOnly: work?.queue.readOnly !== undefined,
    active: work?.alerts.active.length ?? 0,
    down: work?.sources.filter((source) => source.state === 'down').length ?? 0,
    waiting: work ? work.queue.waiting - work.kept : 0,
    link: work?.link,
    faulty: work?.relays.filter((relay) => relay.why !== undefined).length ?? 0,
    held: work?.relays.filter((relay) => relay.held).length ?? 0,
    lowVoltage: supply === 'low',
    worn: nearlyOver === true,
  })
}
