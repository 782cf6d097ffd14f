import { RE2JS } from 're2js'
import { alertLimits, rank, type Severity } from '../alert/alert.ts'
import { matchesGlob } from './glob.ts'
import type { Rule } from './rule.ts'

/** Match: who hears of an alert. Pure; the first rule that matches takes it, unless it says that later ones are asked, too. */

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

/**
 * RE2 takes time in proportion to the text and to the size of the pattern: `.{1000}` is a thousand steps a character. With this limit, an
 * alert of 8,192 characters costs less than half a second on a small board.
 */
const stepsLimit = 2000

/** Patterns run in linear time (RE2): no pattern of a user can stall the box. Throws RuleError. */
export const compileRules = (rules: readonly Rule[]): CompiledRules =>
  rules.map((rule) => {
    if (rule.when.text === undefined) return rule
    const pattern = compile(rule.when.text)
    if (typeof pattern === 'string') throw new RuleError(rule.id, `Rule ${rule.id} cannot be used. ${pattern}`)
    return { ...rule, pattern }
  })

/** What is wrong with a pattern, as a sentence; undefined when it can be used. */
export function patternFault(pattern: string): string | undefined {
  const compiled = compile(pattern)
  return typeof compiled === 'string' ? compiled : undefined
}

function compile(pattern: string): RE2JS | string {
  const named = `The pattern ${JSON.stringify(pattern)}`
  try {
    const compiled = RE2JS.compile(pattern)
    if (compiled.programSize() <= stepsLimit) return compiled
    return `${named} repeats too much: write smaller numbers in braces, or + and * instead.`
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error)
    return `${named} is no regular expression that RE2 knows: ${why}. Look-ahead and back-references are not available.`
  }
}

type Known = { source: string; key?: string; severity: Severity; text: string }

/**
 * Whom an alert is for: the recipients of the first rule that matches, and of those after it while rules say `continue`; each once, at most
 * 32. `rule` is the first that matched. Nobody: `fallback` alone.
 */
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

/** An alert without a key is matched by `*`, and by rules that do not ask for one. */
const matches = (alert: Known, { when, pattern }: CompiledRules[number]): boolean =>
  (when.source === undefined || when.source === alert.source) &&
  (when.severity === undefined || rank(alert.severity) <= rank(when.severity)) &&
  (when.key === undefined || matchesGlob(when.key, alert.key ?? '')) &&
  (pattern === undefined || pattern.matcher(alert.text).find())
