import type { Alert, FieldValue } from '../alert/alert.ts'

/**
 * Condition: the language of a rule's `when.field`, such as `value > 80`, `temperature >= 30 and not (door == "open")`, `mode in ("auto", "manual")`,
 * `text contains "leak"`, `humidity exists`. Pure; in time proportional to its length, which is bounded, and nothing of it is ever run as code.
 *
 *     either     = both *( "or" both )
 *     both       = one *( "and" one )
 *     one        = "not" one | "(" either ")" | comparison
 *     comparison = name ( ">" | ">=" | "<" | "<=" ) number
 *                | name ( "==" | "!=" ) literal | name "in" "(" literal *( "," literal ) ")"
 *                | name "contains" literal | name "exists"
 *
 * A name is `value`, `unit`, `text`, `key`, `state`, `severity`, `topic`, `source`, or else a field of the alert; any name may stand in backquotes.
 */
export type Condition =
  | { kind: 'and' | 'or'; of: Condition[] }
  | { kind: 'not'; of: Condition }
  | { kind: 'compare'; name: string; operator: Operator; with: Literal }
  | { kind: 'in'; name: string; with: Literal[] }
  | { kind: 'contains'; name: string; with: string }
  | { kind: 'exists'; name: string }

/** `fault` is a sentence: what is wrong, where, and what to write. */
export type ConditionFault = { fault: string }

type Operator = '>' | '>=' | '<' | '<=' | '==' | '!='
type Literal = string | number | boolean
type Judged = Pick<Alert, 'source' | 'text' | 'severity' | 'state' | 'key' | 'value' | 'unit' | 'fields' | 'topic'>

const lengthLimit = 500
const nestingLimit = 16
const example = 'Write a condition such as value > 80, or temperature >= 30 and not (door == "open").'

export function parseCondition(text: string): Condition | ConditionFault {
  if (text.length > lengthLimit) return { fault: `A condition has at most ${lengthLimit} characters.` }
  try {
    const reader = new Reader(text)
    const condition = reader.either(0)
    reader.end()
    return condition
  } catch (error) {
    if (error instanceof Fault) return { fault: error.message }
    throw error
  }
}

/** What is wrong with a condition, as a sentence; undefined when it can be used. */
export function conditionFault(text: string): string | undefined {
  const parsed = parseCondition(text)
  return 'fault' in parsed ? parsed.fault : undefined
}

/** Whether it holds; undefined: the alert does not say, for what would decide it is missing, or is no number where one is wanted. */
export function judge(condition: Condition, alert: Judged): boolean | undefined {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return joined(
        condition.kind === 'or',
        condition.of.map((one) => judge(one, alert)),
      )
    case 'not': {
      const inner = judge(condition.of, alert)
      return inner === undefined ? undefined : !inner
    }
    case 'exists':
      return memberOf(alert, condition.name) !== undefined
    case 'contains': {
      const member = memberOf(alert, condition.name)
      return member === undefined ? undefined : String(member).includes(condition.with)
    }
    case 'in':
      return joined(
        true,
        condition.with.map((one) => compare(memberOf(alert, condition.name), '==', one)),
      )
    case 'compare':
      return compare(memberOf(alert, condition.name), condition.operator, condition.with)
  }
}

/** Whether what the alert says of it would make it hold, were nothing else asked; undefined: it says nothing of it. */
export function judgeSaid(condition: Condition, alert: Judged): boolean | undefined {
  if (condition.kind !== 'and' && condition.kind !== 'or') return judge(condition, alert)
  const parts = condition.of.map((one) => judgeSaid(one, alert)).filter((one) => one !== undefined)
  return parts.length === 0 ? undefined : joined(condition.kind === 'or', parts)
}

/** One that is `enough` decides; otherwise one that does not say leaves it open. */
const joined = (enough: boolean, parts: readonly (boolean | undefined)[]): boolean | undefined =>
  parts.includes(enough) ? enough : parts.includes(undefined) ? undefined : !enough

/** What the condition wants as a number is there, and is none: no reading, but a word on the sensor. */
export const isGarbled = (condition: Condition, alert: Judged): boolean =>
  numbersIn(condition).some((name) => {
    const member = memberOf(alert, name)
    return member !== undefined && numeric(member) === undefined
  })

/** It says something of what the condition measures. What every alert has (text, severity, key …) measures nothing. */
export const measures = (condition: Condition, alert: Judged): boolean =>
  measuredBy(condition).some((name) => memberOf(alert, name) !== undefined)

/** The names of what a condition measures, each once. */
export const measuredBy = (condition: Condition): string[] => [...new Set(namesIn(condition))].filter((name) => !common.has(name))

const common: ReadonlySet<string> = new Set(['unit', 'text', 'key', 'state', 'severity', 'topic', 'source'])

const namesIn = (condition: Condition): string[] => {
  if ('name' in condition) return [condition.name]
  return condition.kind === 'not' ? namesIn(condition.of) : condition.of.flatMap(namesIn)
}

/** The number that a condition looks at: that of its only comparison with a number. undefined: it looks at several, at none, or the alert has no such number. */
export function numberOf(condition: Condition, alert: Judged): number | undefined {
  const names = new Set(numbersIn(condition))
  const [name] = names
  return names.size === 1 && name !== undefined ? numeric(memberOf(alert, name)) : undefined
}

const numbersIn = (condition: Condition): string[] => {
  if (condition.kind === 'and' || condition.kind === 'or') return condition.of.flatMap(numbersIn)
  if (condition.kind === 'not') return numbersIn(condition.of)
  return condition.kind === 'compare' && typeof condition.with === 'number' ? [condition.name] : []
}

const canonical = ['value', 'unit', 'text', 'key', 'state', 'severity', 'topic', 'source'] as const
const isCanonical = (name: string): name is (typeof canonical)[number] => (canonical as readonly string[]).includes(name)

/** A canonical member that is missing is looked for among the fields. */
function memberOf(alert: Judged, name: string): FieldValue | undefined {
  const own = isCanonical(name) ? alert[name] : undefined
  const fields = alert.fields ?? {}
  return own ?? (Object.hasOwn(fields, name) ? (fields[name] ?? undefined) : undefined)
}

function compare(member: FieldValue | undefined, operator: Operator, literal: Literal): boolean | undefined {
  if (member === undefined) return undefined
  if (typeof literal === 'number') {
    const number = numeric(member)
    if (number !== undefined) return ordered(number, operator, literal)
    return operator === '!=' ? true : operator === '==' ? false : undefined
  }
  const same = typeof literal === 'boolean' ? truth(member) === literal : String(member) === literal
  return operator === '!=' ? !same : same
}

function ordered(number: number, operator: Operator, limit: number): boolean {
  switch (operator) {
    case '>':
      return number > limit
    case '>=':
      return number >= limit
    case '<':
      return number < limit
    case '<=':
      return number <= limit
    case '==':
      return number === limit
    case '!=':
      return number !== limit
  }
}

const decimal = /^\s*[+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?\s*$/

/** A number, also as a device writes it in a text, with a point. */
const numeric = (member: FieldValue | undefined): number | undefined =>
  typeof member === 'number' ? member : typeof member === 'string' && decimal.test(member) ? Number(member) : undefined

const words: Readonly<Record<string, boolean>> = { true: true, on: true, yes: true, 1: true, false: false, off: false, no: false, 0: false }

/** What devices say for true and false. */
const truth = (member: FieldValue): boolean | undefined => words[String(member).trim().toLowerCase()]

class Fault extends Error {}

type Token = { kind: 'name' | 'quoted' | 'text' | 'number' | 'sign' | 'end'; text: string; at: number }

const tokenPattern =
  /\s*(?:(?<name>[\p{L}_][\p{L}\d_.-]*)|`(?<quoted>[^`]+)`|"(?<double>[^"]*)"|'(?<single>[^']*)'|(?<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\p{L}_])|(?<sign>>=|<=|==|!=|[><=(),]))/uy

class Reader {
  readonly #tokens: Token[] = []
  #next = 0

  constructor(text: string) {
    let at = 0
    while (text.slice(at).trim() !== '') {
      tokenPattern.lastIndex = at
      const groups = tokenPattern.exec(text)?.groups
      if (!groups)
        throw new Fault(
          `At character ${at + 1 + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0)} stands something that is no part of a condition. ${example}`,
        )
      const { name, quoted, double, single, number, sign } = groups
      const begin = at
      at = tokenPattern.lastIndex
      const kind =
        name !== undefined
          ? 'name'
          : quoted !== undefined
            ? 'quoted'
            : number !== undefined
              ? 'number'
              : sign !== undefined
                ? 'sign'
                : 'text'
      this.#tokens.push({ kind, text: name ?? quoted ?? number ?? sign ?? double ?? single ?? '', at: begin })
    }
    this.#tokens.push({ kind: 'end', text: 'the end', at })
  }

  either(depth: number): Condition {
    return this.#list('or', () => this.#list('and', () => this.#one(depth)))
  }

  end(): void {
    if (this.#peek().kind !== 'end') this.#fault('Join conditions with and, or.')
  }

  #list(word: 'and' | 'or', part: () => Condition): Condition {
    const first = part()
    const of = [first]
    while (this.#takes('name', word)) of.push(part())
    return of.length === 1 ? first : { kind: word, of }
  }

  #one(depth: number): Condition {
    if (depth > nestingLimit) throw new Fault(`Brackets and not stand in each other more than ${nestingLimit} deep. Write it flatter.`)
    if (this.#takes('name', 'not')) return { kind: 'not', of: this.#one(depth + 1) }
    if (!this.#takes('sign', '(')) return this.#comparison()
    const inner = this.either(depth + 1)
    this.#expect(')', 'Close the bracket.')
    return inner
  }

  #comparison(): Condition {
    const { kind, text: name } = this.#peek()
    if (kind !== 'name' && kind !== 'quoted') this.#fault('Begin with a name, such as value or temperature.')
    this.#next++
    if (this.#takes('name', 'exists')) return { kind: 'exists', name }
    if (this.#takes('name', 'contains')) return { kind: 'contains', name, with: String(this.#literal()) }
    if (this.#takes('name', 'in')) return { kind: 'in', name, with: this.#literals() }
    const sign = this.#peek()
    if (sign.kind !== 'sign' || !/^(?:[<>]=?|[=!]?=)$/.test(sign.text))
      this.#fault(`Write >, >=, <, <=, ==, !=, in, contains or exists after ${name}.`)
    this.#next++
    const operator = (sign.text === '=' ? '==' : sign.text) as Operator
    const literal = this.#literal()
    if (/[<>]/.test(operator) && typeof literal !== 'number') {
      this.#next--
      this.#fault(`${operator} wants a number with a decimal point.`)
    }
    return { kind: 'compare', name, operator, with: literal }
  }

  #literals(): Literal[] {
    this.#expect('(', 'Write a list such as ("auto", "manual").')
    const literals = [this.#literal()]
    while (this.#takes('sign', ',')) literals.push(this.#literal())
    this.#expect(')', 'Close the list.')
    return literals
  }

  #literal(): Literal {
    const { kind, text } = this.#peek()
    if (kind !== 'number' && kind !== 'text' && kind !== 'name') this.#fault('Write a number, a text in quotes, true or false.')
    this.#next++
    if (kind === 'number') return Number(text)
    return kind === 'name' && (text === 'true' || text === 'false') ? text === 'true' : text
  }

  #expect(sign: string, hint: string): void {
    if (!this.#takes('sign', sign)) this.#fault(hint)
  }

  #takes(kind: Token['kind'], text: string): boolean {
    const token = this.#peek()
    const taken = token.kind === kind && (kind === 'name' ? token.text.toLowerCase() : token.text) === text
    if (taken) this.#next++
    return taken
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#next, this.#tokens.length - 1)] ?? { kind: 'end', text: 'the end', at: 0 }
  }

  #fault(hint: string): never {
    const { text, at, kind } = this.#peek()
    throw new Fault(
      kind === 'end' ? `The condition ends too early. ${hint}` : `At character ${at + 1} stands ${JSON.stringify(text)}. ${hint}`,
    )
  }
}
