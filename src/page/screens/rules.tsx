import { useState } from 'preact/hooks'
import { Fields, useSchema, type Value } from '../form.tsx'
import { type Line, useLive } from '../live.ts'
import { Card, Choice, Deed, Findings, go, octetsOf, Wrong } from '../parts.tsx'
import { Preview, written } from '../preview.tsx'
import { type Editing, useSettings } from '../use-settings.tsx'
import { dateTime, t } from '../words.ts'

/** Rules in their order; the first that matches takes the alert. */
export function Rules({ rest }: { rest: string[] }) {
  const editing = useSettings()
  const { kept } = editing
  const hits = useLive().state?.gateway?.hits ?? {}
  const hitOf = (id: string) => {
    const hit = hits[id]
    return hit && <p class="soft small">{t('{n} hits, last {time}', { n: hit.count, time: dateTime(hit.at) })}</p>
  }
  if (!kept) return <Wrong problem={editing.problem} />
  const rules = kept.settings.rules as unknown as Value[]
  if (rest[0] === 'new') return <Editor key="new" editing={editing} index={rules.length} rule={fresh(rules)} line={lineOf()} />
  const index = rules.findIndex((rule) => rule.id === decodeURIComponent(rest[0] ?? ''))
  const found = rules[index]
  if (found) return <Editor key={index} editing={editing} index={index} rule={found} line={undefined} />
  const move = (from: number, to: number) => () => {
    const next = [...rules]
    next.splice(to, 0, ...next.splice(from, 1))
    return editing.save({ ...kept.settings, rules: next })
  }
  const notes = editing.findings.filter((one) => one.path.startsWith('rules'))
  return (
    <>
      <h1>{t('Rules')}</h1>
      <p class="soft">{t('The first that matches takes the alert; the rest goes to the first person.')}</p>
      {notes.length > 0 && <Findings findings={notes} />}
      {rules.length === 0 && <p>{t('No rules yet: every alert goes to the first person.')}</p>}
      {rules.map((rule, at) => (
        <Card key={String(rule.id)} title={`${at + 1}. ${rule.id}`}>
          <p>{inWords(rule)}</p>
          {hitOf(String(rule.id))}
          <div class="row">
            <a class="button" href={`#/rules/${encodeURIComponent(String(rule.id))}`}>
              {t('Change')}
            </a>
            <Deed disabled={at === 0} deed={move(at, at - 1)}>
              {t('Up')}
            </Deed>
            <Deed disabled={at === rules.length - 1} deed={move(at, at + 1)}>
              {t('Down')}
            </Deed>
            <Deed
              kind="risk"
              sure={t('Remove this rule?')}
              deed={() => editing.save({ ...kept.settings, rules: rules.filter((_, other) => other !== at) })}
            >
              {t('Remove')}
            </Deed>
          </div>
        </Card>
      ))}
      <div class="row">
        <Deed
          kind="main"
          deed={() => {
            sessionStorage.removeItem('line')
            go('#/rules/new')
          }}
        >
          {t('New rule')}
        </Deed>
      </div>
    </>
  )
}

function inWords(rule: Value): string {
  const when = Object.entries((rule.when as Value | undefined) ?? {}).map(([name, value]) => `${name} ${value}`)
  const to = ((rule.to as string[] | undefined) ?? []).join(', ')
  return `${when.length > 0 ? when.join(', ') : t('every alert')} → ${to || t('nobody')}`
}

const fresh = (rules: readonly Value[]): Value => {
  let n = rules.length + 1
  while (rules.some((rule) => rule.id === `rule-${n}`)) n++
  return { id: `rule-${n}`, when: {}, to: [] }
}

function lineOf(): Line | undefined {
  try {
    return JSON.parse(sessionStorage.getItem('line') ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}

/** The rule on one side, a sample on the other, and what becomes of it at every change. */
export function Editor({
  editing,
  index,
  rule,
  line,
  done,
}: {
  editing: Editing
  index: number
  rule: Value
  line: Line | undefined
  done?: () => void
}) {
  const { kept } = editing
  const schema = useSchema()?.properties?.rules?.items
  const people = (kept?.settings.people ?? []).map((one) => one.id)
  const sample = line ? written(new TextDecoder().decode(octetsOf(line.bytes))) : firstSample(rule)
  const named = [...(kept?.settings.sources ?? []).map((one) => one.id), ...(kept?.settings.broker.enabled ? ['broker'] : [])]
  const sources = [...new Set([...named, 'sendmail', 'api', 'page'])]
  const from = line?.source ?? firstSource(rule)
  const [source, setSource] = useState(from && sources.includes(from) ? from : (named[0] ?? 'page'))
  const [draft, setDraft] = useState<Value>(() => ({
    ...rule,
    to: (rule.to as string[]).length > 0 ? rule.to : people.slice(0, 1),
    ...(line && sources.includes(line.source)
      ? {
          when: { source: line.source },
          samples: [{ source: line.source, ...(line.topic === undefined ? {} : { topic: line.topic }), sent: sample }],
        }
      : {}),
  }))
  if (!kept || !schema) return <p>{t('One moment …')}</p>
  const rules = [...(kept.settings.rules as unknown as Value[])]
  // A new rule from a line goes first, so that it takes that line.
  if (index >= rules.length) rules.unshift(draft)
  else rules[index] = draft
  const next = { ...kept.settings, rules }
  const path = `rules[${index >= kept.settings.rules.length ? 0 : index}]`
  const save = async () => {
    const wrong = await editing.save(next)
    if (!wrong && done) done()
    else if (!wrong) go('#/rules')
    return wrong
  }
  return (
    <>
      <h1>{t('Rule {id}', { id: String(draft.id) })}</h1>
      <div class="two">
        <Card>
          <Fields
            schema={schema}
            first={['id', 'when', 'to', 'subject', 'repeat']}
            value={draft}
            set={setDraft}
            path={path}
            findings={editing.findings}
          />
          <p class="soft small">{t('People: {people}', { people: people.join(', ') || '—' })}</p>
          <div class="row">
            <Deed kind="main" deed={save}>
              {t('Save')}
            </Deed>
            {!done && (
              <a class="button" href="#/rules">
                {t('Back')}
              </a>
            )}
          </div>
        </Card>
        <Card title={t('What becomes of a sample')}>
          <Choice label={t('From')} value={source} of={sources.map((one) => [one, one] as const)} set={setSource} />
          <Preview source={source} settings={next} start={sample} topic={line?.topic} />
        </Card>
      </div>
    </>
  )
}

const samplesOf = (rule: Value) => (rule.samples as { sent: string; source: string }[] | undefined) ?? []
const firstSample = (rule: Value): string => samplesOf(rule)[0]?.sent ?? ''
const firstSource = (rule: Value): string | undefined => samplesOf(rule)[0]?.source ?? (rule.when as Value | undefined)?.source?.toString()
