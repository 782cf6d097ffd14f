import { rank } from '../alert/alert.ts'
import { judge } from './condition.ts'
import type { Judged } from './decide.ts'
import { matchesGlob } from './glob.ts'
import type { CompiledRule } from './match.ts'

/** Why a rule does not take an alert, as a sentence; undefined: it takes it. */
export function whyNot(alert: Judged, { when, pattern, condition }: CompiledRule): string | undefined {
  if (when.source !== undefined && when.source !== alert.source) return `it is for source ${when.source}`
  if (when.severity !== undefined && rank(alert.severity) > rank(when.severity)) return `${alert.severity} is less than ${when.severity}`
  if (when.key !== undefined && !matchesGlob(when.key, alert.key ?? ''))
    return alert.key === undefined ? `the alert has no key, and ${when.key} asks for one` : `key ${alert.key} does not fit ${when.key}`
  if (pattern && !pattern.matcher(alert.text).find()) return `the text does not match ${when.text}`
  const judged = condition === undefined || judge(condition, alert)
  if (judged === undefined) return `the alert does not say what ${when.field} asks for`
  return judged ? undefined : `${when.field} does not hold`
}
