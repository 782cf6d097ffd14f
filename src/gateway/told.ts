import type { Alert } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import { isKnown, type KnownTime, whenHappened } from '../alert/when.ts'
import type { Told } from '../mail/digest.ts'
import type { Clock } from '../ports/clock.ts'

/** An alert as a digest or a summary tells it. `hasEnded`: what it raised is known to be over. */
export function toldOf(id: number, alert: Alert, clock: Clock, known: KnownTime, hasEnded = false): Told {
  const { source, number, key, state, severity, text, merged, telling, rule, over, kept, covers } = alert
  const when = whenHappened(alert.stamp, stampNow(clock), known)
  const again = telling?.kind === 'reminder' || telling?.kind === 'escalation'
  const isUnknown = state === 'cleared' && telling === undefined && kept === undefined
  const first = telling?.made === undefined ? undefined : covers?.[0]
  return {
    id,
    source,
    number,
    state,
    severity,
    text,
    at: when.at,
    certain: isKnown(when),
    ...(key === undefined ? {} : { key }),
    ...(merged === undefined ? {} : { merged }),
    ...(rule === undefined ? {} : { rule }),
    ...(over === undefined ? {} : { over }),
    ...(isUnknown ? { endsAll: true } : {}),
    ...(first === undefined ? {} : { heardAs: first }),
    ...(again ? { again } : {}),
    ...(hasEnded ? { ended: true } : {}),
  }
}
