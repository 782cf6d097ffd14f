import type { ComponentChildren } from 'preact'
import { useId, useState } from 'preact/hooks'
import type { Finding, Problem } from './api.ts'
import { t } from './words.ts'

/** Parts that every screen is made of. */
export type Mood = 'good' | 'warn' | 'bad' | 'off'

/** A state is a shape, a word and a colour: round is good, a triangle wants a look, a square is wrong, a ring is off. */
export function StateMark({ mood, children }: { mood: Mood; children: ComponentChildren }) {
  const shapes = {
    good: <circle cx="8" cy="8" r="7" fill="currentColor" />,
    warn: <path d="M8 1l7.5 14h-15z" fill="currentColor" />,
    bad: <path d="M1 1h14v14H1z" fill="currentColor" />,
    off: <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2.5" />,
  }
  return (
    <span class={`state ${mood}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {shapes[mood]}
      </svg>
      <span>{children}</span>
    </span>
  )
}

export function Card({ title, mood, children }: { title?: ComponentChildren; mood?: Mood | undefined; children: ComponentChildren }) {
  return (
    <section class={`card ${mood === 'bad' || mood === 'warn' ? `${mood}-edge` : ''}`}>
      {title && <h2>{title}</h2>}
      {children}
    </section>
  )
}

/** Names and what stands behind them. What is nothing is left out. */
export function Facts({ of }: { of: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl>
      {of.map(([name, value]) =>
        value === undefined || value === false ? null : (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ),
      )}
    </dl>
  )
}

/** What went wrong, and what to do. */
export function Wrong({ problem }: { problem: Problem | undefined }) {
  if (!problem) return null
  const away = problem.status === 0
  return (
    <div class="note bad" role="alert">
      <p class="fault">{away ? t('The box does not answer.') : problem.error}</p>
      <p>{away ? t('Has it power, and are you on its network? Nothing was changed.') : problem.hint}</p>
      {problem.findings && <Findings findings={problem.findings} />}
    </div>
  )
}

export function Findings({ findings }: { findings: readonly Finding[] }) {
  return (
    <ul>
      {findings.map((one) => (
        <li key={`${one.path}${one.what}`} class={one.level === 'error' ? 'fault' : ''}>
          <strong>{one.path}</strong> {one.what} <span class="soft">{one.write}</span>
        </li>
      ))}
    </ul>
  )
}

/** A button that is busy while its deed is, and says what went wrong. */
export function Deed({
  children,
  deed,
  kind = '',
  sure,
  disabled = false,
}: {
  children: ComponentChildren
  deed: () => unknown
  kind?: 'main' | 'risk' | ''
  /** Asked before. */
  sure?: string
  disabled?: boolean
}) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const click = async () => {
    if (sure !== undefined && !confirm(sure)) return
    setBusy(true)
    setProblem(undefined)
    // A deed gives an answer of the box, or the problem that it met, or nothing.
    const wrong = (await deed()) as (Partial<Problem> & { problem?: Problem }) | undefined
    setProblem(wrong?.problem ?? (wrong?.error === undefined ? undefined : (wrong as Problem)))
    setBusy(false)
  }
  return (
    <>
      <button type="button" class={kind} disabled={busy || disabled} onClick={() => void click()}>
        {busy ? t('One moment …') : children}
      </button>
      <Wrong problem={problem} />
    </>
  )
}

type Labelled = { label: ComponentChildren; help?: ComponentChildren; fault?: string | undefined }

/** A control under its name; help and fault are told with it, and are no part of the name. */
function Control({
  label,
  help,
  fault,
  children,
}: Labelled & { children: (id: string, about: { 'aria-describedby'?: string }) => ComponentChildren }) {
  const id = useId()
  const about = help || fault ? { 'aria-describedby': `${id}-about` } : {}
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {(help || fault) && (
        <span id={`${id}-about`}>
          {help && <span class="soft">{help}</span>}
          {fault && <span class="fault small">{fault}</span>}
        </span>
      )}
      {children(id, about)}
    </div>
  )
}

export function Field({
  label,
  help,
  fault,
  value,
  set,
  type = 'text',
  list,
  rows,
  ...more
}: Labelled & {
  value: string
  set: (value: string) => void
  type?: 'text' | 'password' | 'email' | 'number'
  list?: readonly string[]
  rows?: number
  autocomplete?: string
  placeholder?: string
}) {
  const change = (event: Event) => set((event.currentTarget as HTMLInputElement).value)
  return (
    <Control label={label} help={help} fault={fault}>
      {(id, about) =>
        rows ? (
          <textarea id={id} rows={rows} value={value} onInput={change} spellcheck={false} {...about} {...more} />
        ) : (
          <>
            <input
              id={id}
              type={type as 'text'}
              {...(list ? { list: `${id}-list` } : {})}
              value={value}
              onInput={change}
              {...about}
              {...more}
            />
            {list && (
              <datalist id={`${id}-list`}>
                {list.map((one) => (
                  <option key={one} value={one} />
                ))}
              </datalist>
            )}
          </>
        )
      }
    </Control>
  )
}

export function Choice<T extends string>({
  label,
  value,
  of,
  set,
  help,
}: Labelled & { value: T; of: readonly (readonly [T, string])[]; set: (value: T) => void }) {
  return (
    <Control label={label} help={help}>
      {(id, about) => (
        <select id={id} value={value} onChange={(event) => set(event.currentTarget.value as T)} {...about}>
          {of.map(([one, words]) => (
            <option key={one} value={one} selected={one === value}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Control>
  )
}

export function Tick({ label, value, set }: { label: ComponentChildren; value: boolean; set: (value: boolean) => void }) {
  return (
    <label class="tick">
      <input type="checkbox" checked={value} onChange={(event) => set(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  )
}

/** What is wider or longer than its place: it scrolls, so it can be reached by keyboard. */
export function Scroll({ label, children, kind = '' }: { label: string; children: ComponentChildren; kind?: 'lines' | '' }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard only when it takes the focus.
    <section class={`scroll ${kind}`} aria-label={label} tabIndex={0}>
      {children}
    </section>
  )
}

/** Octets of base64 as text; what is no text is shown as what it is. */
export function textOf(base64: string): string {
  const text = new TextDecoder().decode(octetsOf(base64))
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]/g, (mark) => {
    const code = mark.charCodeAt(0)
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0xfffd ? mark : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

export const octetsOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))

export const hexOf = (base64: string): string => [...octetsOf(base64)].map((octet) => octet.toString(16).padStart(2, '0')).join(' ')

export const go = (path: string): void => {
  location.hash = path
}
