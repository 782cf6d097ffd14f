import { useEffect, useState } from 'preact/hooks'
import { each, get } from '../api.ts'
import { Fields, type Typed, useDraft, useSchema, type Value } from '../form.tsx'
import { Lines } from '../lines.tsx'
import { useLive } from '../live.ts'
import { Card, Choice, Deed, Facts, go, StateMark, Wrong } from '../parts.tsx'
import { Preview } from '../preview.tsx'
import { newcomer } from '../secret-name.ts'
import type { Settings } from '../settings.ts'
import { type Editing, useSettings } from '../use-settings.tsx'
import { t } from '../words.ts'
import { moodOf } from './overview.tsx'

/** Sources: what they are, what they say just now, and what is made of it. */
export function Sources() {
  const { state } = useLive()
  const editing = useSettings()
  const [open, setOpen] = useState<string>()
  const [adding, setAdding] = useState<Value>()
  const { kept, save } = editing
  const sources = (kept?.settings.sources ?? []) as unknown as Value[]
  const put = (index: number, value: Value | undefined) => (typed: Typed) => {
    const next = [...sources]
    next.splice(index, index < sources.length ? 1 : 0, ...(value ? [value] : []))
    return save({ ...kept?.settings, sources: next }, typed)
  }
  return (
    <>
      <h1>{t('Sources')}</h1>
      <Wrong problem={editing.problem} />
      {state?.gateway?.sources.map((one) => {
        const index = sources.findIndex((source) => source.id === one.id)
        const source = sources[index]
        return (
          <Card
            key={one.id}
            mood={one.state === 'down' ? 'bad' : undefined}
            title={<StateMark mood={moodOf(one.state)}>{one.id}</StateMark>}
          >
            <Facts
              of={[
                [t('Kind'), one.kind],
                [t('State'), `${t(one.state)}${one.why === undefined ? '' : `: ${one.why}`}`],
                [t('Port'), source?.path !== undefined && `${source.path} ${source.baudRate ?? ''}`],
                [t('Broker'), source?.url !== undefined && String(source.url)],
                [t('Heard'), one.heard],
                [t('Overruns'), one.overruns > 0 && one.overruns],
              ]}
            />
            <div class="row">
              <button type="button" aria-expanded={open === one.id} onClick={() => setOpen(open === one.id ? undefined : one.id)}>
                {open === one.id ? t('Close') : t('Listen and change')}
              </button>
            </div>
            {open === one.id && (
              <>
                <h3>{t('Heard just now')}</h3>
                <Lines
                  source={one.id}
                  limit={100}
                  tools
                  choose={(line) => {
                    sessionStorage.setItem('line', JSON.stringify(line))
                    go('#/rules/new')
                  }}
                />
                <h3>{t('Try a sample')}</h3>
                <Preview source={one.id} settings={undefined} />
                {source && (
                  <>
                    <h3>{t('Settings')}</h3>
                    <SourceForm editing={editing} value={source} index={index} save={(value) => put(index, value)} />
                    <Deed kind="risk" sure={t('Remove this source?')} deed={() => put(index, undefined)({})}>
                      {t('Remove')}
                    </Deed>
                  </>
                )}
              </>
            )}
          </Card>
        )
      })}
      <Card title={t('Add a source')}>
        {adding ? (
          <SourceForm
            editing={editing}
            value={adding}
            index={sources.length}
            save={(value) => async (typed) => {
              const wrong = await put(sources.length, value)(typed)
              if (!wrong) setAdding(undefined)
              return wrong
            }}
          />
        ) : (
          <AddSource settings={kept?.settings} choose={setAdding} />
        )}
      </Card>
    </>
  )
}

export type Help = {
  ports: { path: string; byId?: string; label?: string }[]
  decoders: { name: string; title: string }[]
  presets: { name: string; title: string; need: string; relay: Value }[]
}

export function useHelp(): Help | undefined {
  const [help, set] = useState<Help>()
  useEffect(() => void get<Help>('/api/help').then((answer) => answer.ok && set(answer.value)), [])
  return help
}

/** Ports that are there, at once; or another kind. */
export function AddSource({ settings, choose }: { settings: Settings | undefined; choose: (value: Value) => void }) {
  const help = useHelp()
  const begin = (value: Value) => choose(newcomer(value, settings, 'sources'))
  return (
    <>
      {help?.ports.map((port) => (
        <div key={port.path} class="row between">
          <span>
            {port.byId ?? port.path} <span class="soft">{port.label}</span>
          </span>
          <span class="row">
            <button type="button" class="main" onClick={() => begin({ id: 'line', kind: 'serial', path: port.byId ?? port.path })}>
              {t('Use this port')}
            </button>
            <Guess path={port.byId ?? port.path} choose={(source) => begin({ ...source, id: 'line' })} />
          </span>
        </div>
      ))}
      {help?.ports.length === 0 && <p class="soft">{t('No serial port is plugged in.')}</p>}
      <div class="row">
        <button type="button" onClick={() => begin({ id: 'line', kind: 'serial', path: '/dev/ttyUSB0' })}>
          {t('Serial line')}
        </button>
        <button type="button" onClick={() => begin({ id: 'field', kind: 'mqtt', url: 'mqtt://', topics: ['alerts/#'] })}>
          {t('MQTT broker')}
        </button>
        <button
          type="button"
          onClick={() => begin({ id: 'bus', kind: 'modbus', path: '/dev/ttyUSB0', read: [{ name: 'level', address: 0 }] })}
        >
          Modbus RTU
        </button>
        <button type="button" onClick={() => begin({ id: 'hooks', kind: 'http', token: { secret: 'http:hooks' } })}>
          {t('Web hook')}
        </button>
      </div>
    </>
  )
}

type Told = { rate?: number; sure?: number; says?: string[]; source?: Value; error?: string }

/** Listens to a line that nobody has open, and says how sure it is. */
function Guess({ path, choose }: { path: string; choose: (source: Value) => void }) {
  const [told, setTold] = useState<Told>()
  const listen = async () => {
    let last: Told | undefined
    const problem = await each<Told>('/api/sniff', { path }, (next) => {
      last = next
      setTold(next)
    })
    if (last?.source) choose(last.source)
    return problem
  }
  return (
    <>
      <Deed deed={listen}>{t('Guess')}</Deed>
      <span role="status" class="small">
        {told?.error ?? (told && `${told.rate ?? ''} ${Math.round((told.sure ?? 0) * 100)} %`)}
      </span>
    </>
  )
}

export function SourceForm({
  editing,
  value,
  index,
  save,
}: {
  editing: Editing
  value: Value
  index: number
  save: (value: Value) => (typed: Typed) => Promise<import('../api.ts').Problem | undefined>
}) {
  const schema = useSchema()?.properties?.sources?.items
  const help = useHelp()
  const { draft, setDraft, typed, secrets } = useDraft(value, editing.kept?.settings, 'sources', index)
  if (!schema) return <p>{t('One moment …')}</p>
  return (
    <form onSubmit={(event) => event.preventDefault()}>
      {'decode' in (schema.oneOf?.find((one) => one.properties?.kind?.const === draft.kind)?.properties ?? {}) && (
        <Choice
          label={t('What it speaks')}
          value={String(draft.decode ?? 'auto')}
          of={[['auto', t('guess it')], ...(help?.decoders ?? []).map((one) => [one.name, `${one.name}: ${one.title}`] as const)]}
          set={(decode) => setDraft({ ...draft, decode })}
        />
      )}
      <Fields
        schema={schema}
        value={draft}
        set={setDraft}
        hidden={['decode']}
        first={['id', 'path', 'baudRate', 'url', 'topics', 'username', 'password', 'token', 'read', 'every']}
        path={`sources[${index}]`}
        findings={editing.findings}
        secrets={secrets}
      />
      <div class="row">
        <Deed kind="main" deed={() => save(draft)(typed)}>
          {t('Save')}
        </Deed>
      </div>
    </form>
  )
}
