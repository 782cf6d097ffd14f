import { useState } from 'preact/hooks'
import { each, get, type Problem, post } from '../api.ts'
import { Fields, type Typed, useDraft, useSchema, type Value } from '../form.tsx'
import { useLive } from '../live.ts'
import { Card, Choice, Deed, Field, Scroll, StateMark, Wrong } from '../parts.tsx'
import { newcomer } from '../secret-name.ts'
import type { Settings } from '../settings.ts'
import { type Editing, useSettings } from '../use-settings.tsx'
import { t } from '../words.ts'
import { useHelp } from './sources.tsx'

/** People and relays: who is told, and by which way. */
export function People() {
  const editing = useSettings()
  const { kept } = editing
  return (
    <>
      <h1>{t('People and relays')}</h1>
      <Wrong problem={editing.problem} />
      {kept && (
        <>
          <h2>{t('People')}</h2>
          <p class="soft">{t('The first one is told what no rule takes.')}</p>
          <Entries
            editing={editing}
            list="people"
            name={(one) => `${one.name ?? ''} <${one.address ?? ''}>`}
            start={{ id: '', name: '', address: '' }}
            add={t('Add a person')}
          />
          <h2>{t('Relays')}</h2>
          <p class="soft">{t('Mail servers that take letters from this box, tried in order.')}</p>
          <RelayFaults />
          <Entries
            editing={editing}
            list="relays"
            name={(one) => `${one.host ?? ''}:${one.port ?? ''}`}
            start={undefined}
            add={t('Add a relay')}
          />
          <TestMail />
        </>
      )}
    </>
  )
}

function RelayFaults() {
  const { state } = useLive()
  return (
    <>
      {state?.gateway?.relays.map((one) =>
        one.why === undefined ? null : (
          <p key={one.id} class="note warn">
            <StateMark mood="warn">{one.id}</StateMark> {one.why} {one.hint}
          </p>
        ),
      )}
    </>
  )
}

function Entries({
  editing,
  list,
  name,
  start,
  add,
}: {
  editing: Editing
  list: 'people' | 'relays'
  name: (one: Value) => string
  start: Value | undefined
  add: string
}) {
  const entries = (editing.kept?.settings[list] ?? []) as unknown as Value[]
  const [open, setOpen] = useState<number>()
  const [fresh, setFresh] = useState<Value>()
  const put = (index: number, value: Value | undefined) => async (typed: Typed) => {
    const next = [...entries]
    next.splice(index, index < entries.length ? 1 : 0, ...(value ? [value] : []))
    const wrong = await editing.save({ ...editing.kept?.settings, [list]: next }, typed)
    if (!wrong) {
      setOpen(undefined)
      setFresh(undefined)
    }
    return wrong
  }
  return (
    <>
      {entries.map((one, index) => (
        <Card key={String(one.id)} title={String(one.id)}>
          <p>{name(one)}</p>
          <div class="row">
            <button type="button" aria-expanded={open === index} onClick={() => setOpen(open === index ? undefined : index)}>
              {open === index ? t('Close') : t('Change')}
            </button>
            <Deed kind="risk" sure={t('Remove {id}?', { id: String(one.id) })} deed={() => put(index, undefined)({})}>
              {t('Remove')}
            </Deed>
          </div>
          {open === index && <Entry editing={editing} list={list} value={one} index={index} save={(value) => put(index, value)} />}
        </Card>
      ))}
      <Card title={add}>
        {fresh ? (
          <Entry editing={editing} list={list} value={fresh} index={entries.length} save={(value) => put(entries.length, value)} />
        ) : start ? (
          <button type="button" onClick={() => setFresh(start)}>
            {add}
          </button>
        ) : (
          <Presets settings={editing.kept?.settings} choose={setFresh} />
        )}
      </Card>
    </>
  )
}

/** Relays of the usual providers, to begin with. */
export function Presets({ settings, choose }: { settings: Settings | undefined; choose: (relay: Value) => void }) {
  const help = useHelp()
  const [name, setName] = useState('')
  const preset = help?.presets.find((one) => one.name === name)
  return (
    <>
      <Choice
        label={t('Provider')}
        value={name}
        of={[['', t('Another mail server')], ...(help?.presets ?? []).map((one) => [one.name, one.title] as const)]}
        set={setName}
      />
      {preset && <p class="note">{preset.need}</p>}
      <button
        type="button"
        onClick={() =>
          choose(
            newcomer(
              preset?.relay ?? {
                id: 'relay',
                host: '',
                port: 587,
                security: 'starttls',
                auth: { kind: 'password', user: '', password: { secret: 'relay:relay' } },
              },
              settings,
              'relays',
            ),
          )
        }
      >
        {t('Go on')}
      </button>
    </>
  )
}

function Entry({
  editing,
  list,
  value,
  index,
  save,
}: {
  editing: Editing
  list: 'people' | 'relays'
  value: Value
  index: number
  save: (value: Value) => (typed: Typed) => Promise<Problem | undefined>
}) {
  const schema = useSchema()?.properties?.[list]?.items
  const { draft, setDraft, typed, secrets } = useDraft(value, editing.kept?.settings, list, index)
  if (!schema) return <p>{t('One moment …')}</p>
  return (
    <form onSubmit={(event) => event.preventDefault()}>
      <Fields
        schema={schema}
        first={['id', 'name', 'address', 'host', 'port', 'security', 'auth']}
        value={draft}
        set={setDraft}
        path={`${list}[${index}]`}
        findings={editing.findings}
        secrets={secrets}
      />
      <div class="row">
        <Deed kind="main" deed={() => save(draft)(typed)}>
          {t('Save')}
        </Deed>
      </div>
      {list === 'relays' && <Check relay={draft} typed={typed} />}
    </form>
  )
}

type Step = { step: string; ms: number; ok: boolean; sentence: string; facts: string[]; transcript: string[] }

/** The way to a relay, step by step, with values that are not saved. Nothing is sent. */
export function Check({ relay, typed }: { relay: Value; typed: Typed }) {
  const [to, setTo] = useState('')
  const [steps, setSteps] = useState<Step[]>([])
  const check = async () => {
    setSteps([])
    const taken: Step[] = []
    return each<Step>('/api/doctor', { relay, secrets: typed, ...(to === '' ? {} : { to }) }, (step) => {
      taken.push(step)
      setSteps([...taken])
    })
  }
  return (
    <>
      <Field label={t('Recipient to ask for')} help={t('Empty: the first person elsewhere. Nothing is sent.')} value={to} set={setTo} />
      <div class="row">
        <Deed deed={check}>{t('Check connection')}</Deed>
      </div>
      <div aria-live="polite">
        {steps.map((step) => (
          <details key={step.step} open={!step.ok}>
            <summary>
              <StateMark mood={step.ok ? 'good' : 'bad'}>{step.step}</StateMark> <span class="soft">{Math.round(step.ms)} ms</span>{' '}
              {step.sentence}
            </summary>
            <Scroll label={t('Text')}>{[...step.facts, ...step.transcript].join('\n') || '—'}</Scroll>
          </details>
        ))}
        {steps.length > 0 && steps.every((step) => step.ok) && <p class="note good">{t('This relay would take a letter.')}</p>}
      </div>
    </>
  )
}

type Fate = {
  waits: boolean
  outcomes: { kind: string; why?: string }[]
  letter?: { state: string; attempts: number; why?: string }
  why?: string
  hint?: string
}

/** A letter through the queue and the saved relays, followed until it has left. */
export function TestMail({ start = '' }: { start?: string }) {
  const [to, setTo] = useState(start)
  const [fate, setFate] = useState<Fate>()
  const send = async () => {
    setFate(undefined)
    const answer = await post<{ id?: string; why?: string; hint?: string }>('/api/testmail', { to })
    if (!answer.ok) return answer.problem
    for (let tries = 0; tries < 60; tries++) {
      const found = await get<Fate>(`/api/queue/${answer.value.id}/fate`)
      if (!found.ok) return found
      setFate(found.value)
      if (!found.value.waits) return undefined
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    return undefined
  }
  const last = fate?.outcomes.at(-1)
  return (
    <Card title={t('Send a test mail')}>
      <p class="soft">{t('By the saved settings, through the queue, like every alert.')}</p>
      <Field label={t('To')} type="email" value={to} set={setTo} autocomplete="email" />
      <div class="row">
        <Deed kind="main" disabled={!/.@./.test(to)} deed={send}>
          {t('Send test mail')}
        </Deed>
      </div>
      <div role="status">
        {fate && !fate.waits && last?.kind === 'delivered' && (
          <p class="note good">
            <StateMark mood="good">{t('Delivered: the next server has taken it.')}</StateMark>
          </p>
        )}
        {fate && !fate.waits && last && last.kind !== 'delivered' && (
          <p class="note bad">
            <StateMark mood="bad">{t('Refused')}</StateMark> {last.why}
          </p>
        )}
        {fate?.waits && (
          <p class="note warn">
            <StateMark mood="warn">{t('It waits in the queue.')}</StateMark> {last?.why ?? fate.letter?.why ?? ''} {fate.why} {fate.hint}
          </p>
        )}
      </div>
    </Card>
  )
}
