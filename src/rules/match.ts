import { RE2JS } from 're2js'
import { alertLimits, rank, type Severity } from '../alert/alert.ts'
import { matchesGlob } from './glob.ts'
import type { Rule } from './rule.ts'

/** What an alert is worth when its sensor does not say. */
export const defaultSeverity: Severity = 'warning'

export type CompiledRules = readonly (Rule & { pattern?: RE2JS })[]

/** A rule that cannot be used; the message is a sentence. */
export class RuleError extends Error {
  override name = 'RuleError'
  readonly rule: string
  constructor(rule: string, message: string) {
    super(message)
    this.rule = rule
  }
}

/** Patterns run in linear time (RE2): no pattern of a user can stall the box. Throws RuleError. */
export function compileRules(rules: readonly Rule[]): CompiledRules {
  return rules.map((rule) => {
    if (rule.when.text === undefined) return rule
    try {
      return { ...rule, pattern: RE2JS.compile(rule.when.text) }
    } catch (error) {
      throw new RuleError(
        rule.id,
        `The pattern ${JSON.stringify(rule.when.text)} of rule ${rule.id} cannot be used: ${error instanceof Error ? error.message : error}. Look-ahead and back-references are not available.`,
      )
    }
  })
}

type Known = { source: string; key?: string; severity: Severity; text: string }

/** Whom an alert is for: the first rule that matches, and those after it while rules say `continue`; `fallback` when none does. */
export function decide(alert: Known, rules: CompiledRules, fallback: string): { rule?: string; to: string[] } {
  const to = new Set<string>()
  let first: string | undefined
  for (const rule of rules) {
    if (!matches(alert, rule)) continue
    first ??= rule.id
    for (const recipient of rule.to) if (to.size < alertLimits.recipients) to.add(recipient)
    if (!rule.continue) break
  }
  if (to.size === 0) to.add(fallback)
  return { to: [...to], ...(first === undefined ? {} : { rule: first }) }
}

const matches = (alert: Known, { when, pattern }: CompiledRules[number]): boolean =>
  (when.source === undefined || when.source === alert.source) &&
  (when.key === undefined || matchesGlob(when.key, alert.key ?? '')) &&
  (when.severity === undefined || rank(alert.severity) <= rank(when.severity)) &&
  (pattern === undefined || pattern.matcher(alert.text).find())
