import { useEffect, useState } from 'preact/hooks'
import { type Finding, get } from './api.ts'
import { Choice, Field, Tick } from './parts.tsx'
import { secretName } from './secret-name.ts'
import { language, t } from './words.ts'

/** Form: an entry of the settings by its JSON Schema, which is made from the schema that checks it. What a form cannot show well is JSON. */
export type Schema = {
  title?: string
  description?: string
  type?: string
  const?: unknown
  enum?: string[]
  default?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  oneOf?: Schema[]
  anyOf?: Schema[]
  minimum?: number
  maximum?: number
}
export type Value = Record<string, unknown>
/** Values of secrets that were typed, by their names. */
export type Typed = Record<string, string>

let known: { language: string; schema: Schema } | undefined

export function useSchema(): Schema | undefined {
  const [schema, set] = useState(known?.language === language ? known.schema : undefined)
  useEffect(() => {
    if (schema) return
    void get<Schema>(`/api/settings/schema?language=${language}`).then((answer) => {
      if (!answer.ok) return
      known = { language, schema: answer.value }
      set(answer.value)
    })
  }, [])
  return schema
}

/** What a form needs for passwords. `others`: the settings without this entry. */
type Secrets = { id: unknown; others: unknown; typed: Typed; type(name: string, value: string): void }
type Of = { path: string; findings: readonly Finding[]; secrets?: Secrets }

/** An entry of a list of the settings while it is changed; an index behind the end is that of a new one. */
export function useDraft(value: Value, settings: object | undefined, list: string, index: number) {
  const [draft, setDraft] = useState(value)
  const [typed, setTyped] = useState<Typed>({})
  const others = { ...settings, [list]: (settings as Record<string, unknown[]> | undefined)?.[list]?.filter((_, at) => at !== index) }
  const type = (name: string, secret: string) => setTyped({ ...typed, [name]: secret })
  return { draft, setDraft, typed, secrets: { id: draft.id, others, typed, type } }
}

/** `hidden`: members that are not to be seen here. `first`: those that are seen at once; the others are behind a fold, unless something is to be said of them. */
export function Fields({
  schema,
  value,
  set,
  hidden = [],
  first,
  ...of
}: Of & { schema: Schema; value: Value; set: (value: Value) => void; hidden?: readonly string[]; first?: readonly string[] }) {
  const all = Object.entries(shapeOf(schema, value).properties ?? {}).filter(
    ([name, member]) => !hidden.includes(name) && member.const === undefined,
  )
  const isFirst = ([name]: [string, Schema]) => first?.includes(name) ?? true
  const members = (some: [string, Schema][]) =>
    some.map(([name, member]) => (
      <Member
        key={name}
        name={name}
        schema={member}
        value={value[name]}
        set={(next) => set(without({ ...value, [name]: next }))}
        {...of}
        path={of.path ? `${of.path}.${name}` : name}
      />
    ))
  const rest = all.filter((one) => !isFirst(one))
  const wrong = rest.some(([name]) => of.findings.some((one) => one.path.startsWith(`${of.path}.${name}`)))
  return (
    <>
      {members(all.filter(isFirst))}
      {rest.length > 0 && (
        <details open={wrong}>
          <summary>{t('More settings')}</summary>
          {members(rest)}
        </details>
      )}
    </>
  )
}

/** The one of several kinds that the value is. */
const shapeOf = (schema: Schema, value: Value): Schema =>
  schema.oneOf?.find((one) => one.properties?.kind?.const === value.kind) ?? schema.oneOf?.[0] ?? schema

const without = (value: Value): Value => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined && one !== ''))

function Member({ name, schema, value, set, ...of }: Of & { name: string; schema: Schema; value: unknown; set: (value: unknown) => void }) {
  const label = schema.title ?? name
  const help = schema.description
  const fault = of.findings.filter((one) => one.path === of.path).map((one) => `${one.what} ${one.write}`)[0]
  const common = { label, help, fault }
  const shown = value ?? schema.default
  if (schema.properties?.secret && of.secrets) {
    const { id, others, typed, type } = of.secrets
    const standing = (value as { secret?: string } | undefined)?.secret
    const secret = secretName(others, standing ?? of.path.replace(/\[\d+\]/, `:${id}`).replaceAll('.', ':'))
    return (
      <Field
        {...common}
        type="password"
        autocomplete="off"
        help={t('Kept on the box and never shown. Leave it empty to keep what is there.')}
        value={typed[secret] ?? ''}
        set={(next) => {
          type(secret, next)
          set({ secret })
        }}
      />
    )
  }
  const values =
    schema.enum ?? (schema.anyOf?.every((one) => one.const !== undefined) ? schema.anyOf.map((one) => one.const as string) : undefined)
  if (values)
    return (
      <Choice
        label={label}
        help={help}
        value={String(shown ?? '')}
        of={[
          ...(schema.default === undefined && !isNeeded(value) ? [['', '—'] as const] : []),
          ...values.map((one) => [String(one), String(one)] as const),
        ]}
        set={(next) => set(typeof values[0] === 'number' ? Number(next) : next)}
      />
    )
  if (schema.type === 'boolean') return <Tick label={label} value={shown === true} set={set} />
  if (schema.type === 'number' || schema.type === 'integer')
    return (
      <Field
        {...common}
        type="number"
        value={shown === undefined ? '' : String(shown)}
        set={(next) => set(next === '' ? undefined : Number(next))}
      />
    )
  if (schema.type === 'array' && schema.items?.type === 'string')
    return (
      <Field
        {...common}
        help={[help, t('One a line.')].filter(Boolean).join(' ')}
        rows={3}
        value={((shown as string[] | undefined) ?? []).join('\n')}
        set={(next) => set(next === '' ? [] : next.split('\n'))}
      />
    )
  if (schema.properties || schema.oneOf?.every((one) => one.properties))
    return (
      <fieldset>
        <legend>{label}</legend>
        {help && <p class="soft small">{help}</p>}
        {schema.oneOf && (
          <Choice
            label={t('Kind')}
            value={String((shown as Value | undefined)?.kind ?? '')}
            of={schema.oneOf.map((one) => [String(one.properties?.kind?.const), String(one.properties?.kind?.const)] as const)}
            set={(kind) => set({ kind })}
          />
        )}
        <Fields schema={schema} value={(shown as Value | undefined) ?? {}} set={set} {...of} />
      </fieldset>
    )
  if (schema.type === 'string' || schema.anyOf === undefined)
    if (schema.type === 'string') return <Field {...common} value={String(shown ?? '')} set={set} />
  return <Json {...common} value={shown} set={set} />
}

const isNeeded = (value: unknown): boolean => value !== undefined

function Json({
  label,
  help,
  fault,
  value,
  set,
}: {
  label: string
  help: string | undefined
  fault: string | undefined
  value: unknown
  set: (value: unknown) => void
}) {
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value, null, 1))
  const [wrong, setWrong] = useState('')
  const change = (next: string) => {
    setText(next)
    try {
      set(next.trim() === '' ? undefined : JSON.parse(next))
      setWrong('')
    } catch {
      setWrong(t('This is no JSON yet.'))
    }
  }
  return <Field label={label} help={help} fault={wrong || fault} rows={5} value={text} set={change} />
}
