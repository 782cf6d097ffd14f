import { sentenceOf } from '../device/health.ts'
import { beatMs, Pulse } from '../device/pulse.ts'
import type { Cancel } from '../ports/clock.ts'
import { stateOf } from '../web/state.ts'
import type { Scene } from './command.ts'
import type { End, Household } from './household.ts'

/** How often the status is looked at where systemd asks for no signs of life. */
const statusMs = 10_000

/**
 * Service: tells systemd that the gateway is ready, how it is, and that it gets on. Nothing at all happens where nobody asked (NOTIFY_SOCKET). Call it when the gateway is ready.
 * The returned function ends that; it says goodbye when the process ends, and not before another life: systemd would take it at its word.
 */
export function tellService({ env, pid, ports: { clock, notify, log } }: Scene, household: Household): (end: End) => Promise<void> {
  if (env.NOTIFY_SOCKET === undefined) return async () => {}
  const pulse = new Pulse()
  const everyMs = beatMs(env, pid) ?? statusMs
  const beats = beatMs(env, pid) !== undefined
  let cancel: Cancel = () => {}
  let told = ''
  let hung: string | undefined
  let failed = false
  let stopped = false
  const tell = async (...assignments: string[]) => {
    if (assignments.length === 0) return
    const why = await notify(...assignments)
    if (why !== undefined && !failed) log('warning', 'service: systemd cannot be told', { why })
    failed = why !== undefined
  }
  const look = async (...first: string[]) => {
    if (stopped) return
    const why = pulse.stuck(household.tasks, clock.monotonic())
    if (why !== undefined && why !== hung) log('error', 'service: something hangs; systemd gets no sign of life', { why })
    hung = why
    const status = why ?? sentenceOf(stateOf(household).health)
    const words = [...first, ...(beats && why === undefined ? ['WATCHDOG=1'] : []), ...(status === told ? [] : [`STATUS=${status}`])]
    told = status
    // The next look is due whether or not systemd takes this one.
    cancel = clock.after(everyMs, () => void look())
    await tell(...words)
  }
  void look('READY=1')
  return async (end) => {
    cancel()
    stopped = true
    if (end === 'stop') await tell('STOPPING=1')
  }
}
