import { RE2JS } from 're2js'
import { rank, type Severity } from '../alert/alert.ts'
import { type Condition, parseCondition } from './condition.ts'
import { matchesGlob } from './glob.ts'
import type { Rule } from './rule.ts'

/** Match: whether an alert is for a rule. Pure. */

/** What an alert is worth when its sensor does not say. */
export const defaultSeverity: Severity = 'warning'

export type CompiledRule = Rule & { pattern?: RE2JS; condition?: Condition }
export type CompiledRules = readonly CompiledRule[]

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
    const { text, field } = rule.when
    const refuse = (why: string): never => {
      throw new RuleError(rule.id, `Rule ${rule.id} cannot be used. ${why}`)
    }
    const pattern = text === undefined ? undefined : compile(text)
    const condition = field === undefined ? undefined : parseCondition(field)
    if (typeof pattern === 'string') return refuse(pattern)
    if (condition && 'fault' in condition) return refuse(condition.fault)
    return { ...rule, ...(pattern ? { pattern } : {}), ...(condition ? { condition } : {}) }
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

export type Matchable = { source: string; key?: string; severity: Severity; text: string }

/** Whether a reading is of a level that this rule raised, and which therefore stands: its severity may be another one since, and the rule be for other keys. */
export const isOfLevel = (alert: Matchable, { when: { key: _key, severity: _severity, ...when }, pattern }: CompiledRule): boolean =>
  matches(alert, { when, ...(pattern ? { pattern } : {}) })

/** Whether it is for this rule, apart from the rule's condition. An alert without a key is matched by `*`, and by rules that do not ask for one. */
export const matches = (alert: Matchable, { when, pattern }: Pick<CompiledRule, 'when' | 'pattern'>): boolean =>
  (when.source === undefined || when.source === alert.source) &&
  (when.severity === undefined || rank(alert.severity) <= rank(when.severity)) &&
  (when.key === undefined || matchesGlob(when.key, alert.key ?? '')) &&
  (pattern === undefined || pattern.matcher(alert.text).find())
