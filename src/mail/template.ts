import Mustache from 'mustache'
import { nearest } from '../alert/nearest.ts'

/** Template: words of the user with placeholders (Mustache, logic-less), for the subject and the text of a rule's letters. */
export const placeholders = [
  'site',
  'severity',
  'text',
  'value',
  'unit',
  'key',
  'source',
  'topic',
  'state',
  'time',
  'number',
  'since',
  'duration',
  'count',
  'merged',
] as const
export type Placeholder = (typeof placeholders)[number]
export type View = Readonly<Record<Placeholder, string>> & { fields: Readonly<Record<string, string>> }

type Token = [kind: string, name: string, ...rest: unknown[]]

/** What is wrong with a template, as a sentence that says what to write; undefined when it can be used. */
export function templateFault(template: string): string | undefined {
  let tokens: Token[]
  try {
    tokens = Mustache.parse(template) as Token[]
  } catch (error) {
    return `${error instanceof Error ? error.message : error}. Write placeholders such as {{text}}, and close a section {{#value}} with {{/value}}.`
  }
  return faultIn(tokens)
}

function faultIn(tokens: readonly Token[]): string | undefined {
  for (const [kind, name, , , inner] of tokens) {
    if (kind === '!' && name.includes('{{'))
      return 'The comment {{! is closed only behind the next placeholder, which it would swallow. Write }} at its end, or leave out the {{!.'
    if (kind === '>' || kind === '=') return `{{${kind}${name}}} has no meaning here. Write placeholders such as {{text}} only.`
    if (['name', '&', '{', '#', '^'].includes(kind) && !isKnown(name)) {
      const near = nearest(name, placeholders)
      return `There is no placeholder {{${name}}}. ${near ? `Did you mean {{${near}}}? ` : ''}Known are ${placeholders.join(', ')} and fields.NAME.`
    }
    const fault = Array.isArray(inner) ? faultIn(inner as Token[]) : undefined
    if (fault !== undefined) return fault
  }
  return undefined
}

const isKnown = (name: string): boolean => (placeholders as readonly string[]).includes(name) || /^fields\../.test(name)

/** The words, nothing escaped: they are for text, not for HTML. A field that is missing is nothing. */
export const filled = (template: string, view: View): string =>
  Mustache.render(template, new Names(view), undefined, { escape: (text) => String(text) })

/** Mustache reads dots as steps; a field may have them in its name. Nothing but what stands here can be named. */
class Names extends Mustache.Context {
  readonly #view: View

  constructor(view: View) {
    super({})
    this.#view = view
  }

  override lookup(name: string): string {
    if (name.startsWith('fields.')) {
      const field = name.slice('fields.'.length)
      return Object.hasOwn(this.#view.fields, field) ? (this.#view.fields[field] ?? '') : ''
    }
    return (placeholders as readonly string[]).includes(name) ? (this.#view[name as Placeholder] ?? '') : ''
  }

  override push(): Names {
    return this
  }
}
