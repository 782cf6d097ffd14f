import { useEffect, useState } from 'preact/hooks'
import { BackUp, Restore } from '../backup.tsx'
import type { Value } from '../form.tsx'
import { Lines } from '../lines.tsx'
import type { Line } from '../live.ts'
import { useLive } from '../live.ts'
import { Card, Choice, Deed, Facts, Field, Findings, go, Wrong } from '../parts.tsx'
import { secretName } from '../secret-name.ts'
import { type Editing, useSettings } from '../use-settings.tsx'
import { language, t, type Word } from '../words.ts'
import { PhoneTime } from './overview.tsx'
import { Check, Presets, TestMail } from './people.tsx'
import { Editor } from './rules.tsx'
import { AddSource, SourceForm } from './sources.tsx'

/** Set up: from an empty box to a mail that was read. Every step may be passed over, and the place stands in the address, so it can be resumed. It never comes back by itself. */
const titles: readonly Word[] = ['Claim', 'Name and time', 'Sources', 'Who is told', 'First rule', 'Done']

export function SetUp({ rest }: { rest: string[] }) {
  const step = Math.min(titles.length, Math.max(2, Number(rest[0]) || 2))
  const editing = useSettings()
  const next = () => go(step < titles.length ? `#/setup/${step + 1}` : '#/')
  return (
    <>
      <h1>{t('Set up: {title}', { title: t(titles[step - 1] ?? 'Done') })}</h1>
      <ol class="steps" aria-label={t('Step {n} of {all}', { n: step, all: titles.length })}>
        {titles.map((title, index) => (
          <li key={title} class={index < step ? 'done' : ''} />
        ))}
      </ol>
      <Wrong problem={editing.problem} />
      {editing.kept && (
        <>
          {step === 2 && <Place editing={editing} next={next} />}
          {step === 3 && <SourceStep editing={editing} />}
          {step === 4 && <RelayStep editing={editing} />}
          {step === 5 && <RuleStep editing={editing} next={next} />}
          {step === 6 && <Summary editing={editing} />}
        </>
      )}
      <div class="row">
        {step > 2 && (
          <a class="button" href={`#/setup/${step - 1}`}>
            {t('Back')}
          </a>
        )}
        {step < titles.length ? (
          <a class="button" href={`#/setup/${step + 1}`}>
            {step === 2 ? t('Skip') : t('Next')}
          </a>
        ) : (
          <a class="button" href="#/">
            {t('To the overview')}
          </a>
        )}
      </div>
    </>
  )
}

function Place({ editing, next }: { editing: Editing; next: () => void }) {
  const site = editing.kept?.settings.site
  const [name, setName] = useState(site?.name === 'Outpost' ? '' : (site?.name ?? ''))
  const [domain, setDomain] = useState(site?.domain ?? '')
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone
  const [timeZone, setTimeZone] = useState(site?.timeZone === 'UTC' ? here : (site?.timeZone ?? here))
  const [speaks, setSpeaks] = useState<'en' | 'de'>(language)
  const faultOf = (path: string) => editing.findings.filter((one) => one.path === path).map((one) => `${one.what} ${one.write}`)[0]
  const save = async () => {
    const settings = { ...editing.kept?.settings, site: { ...site, name: name || 'Outpost', domain, timeZone, language: speaks } }
    const wrong = await editing.save(settings)
    if (!wrong) next()
    return wrong
  }
  return (
    <>
      <Card>
        <Field
          label={t('Name of this site')}
          help={t('It stands in front of each subject.')}
          placeholder={t('Pump station 7')}
          value={name}
          set={setName}
          fault={faultOf('site.name')}
        />
        <Field
          label={t('Domain of this site')}
          help={t('Mail for addresses of this domain stays on the box.')}
          value={domain}
          set={setDomain}
          fault={faultOf('site.domain')}
        />
        <Field
          label={t('Time zone')}
          help={t('This device says {zone}.', { zone: here })}
          value={timeZone}
          set={setTimeZone}
          fault={faultOf('site.timeZone')}
          list={Intl.supportedValuesOf('timeZone')}
        />
        <PhoneTime />
        <Choice
          label={t('Language of the letters')}
          value={speaks}
          of={[
            ['en', 'English'],
            ['de', 'Deutsch'],
          ]}
          set={setSpeaks}
        />
        <div class="row">
          <Deed kind="main" deed={save}>
            {t('Save and go on')}
          </Deed>
        </div>
      </Card>
      <details>
        <summary>{t('Or restore a backup')}</summary>
        <Restore />
      </details>
    </>
  )
}

function SourceStep({ editing }: { editing: Editing }) {
  const { state } = useLive()
  const sources = (editing.kept?.settings.sources ?? []) as unknown as Value[]
  const [adding, setAdding] = useState<Value>()
  const broker = state?.gateway?.sources.some((one) => one.id === 'broker')
  return (
    <>
      {broker && <p class="note">{t('Try it on this machine: mosquitto_pub -t alerts/test -m "Door open"')}</p>}
      <Card title={t('Heard just now')}>
        <Lines choose={chooseLine} />
      </Card>
      <Card title={t('Add a source')}>
        {adding ? (
          <SourceForm
            editing={editing}
            value={adding}
            index={sources.length}
            save={(value) => async (typed) => {
              const wrong = await editing.save({ ...editing.kept?.settings, sources: [...sources, value] }, typed)
              if (!wrong) setAdding(undefined)
              return wrong
            }}
          />
        ) : (
          <AddSource settings={editing.kept?.settings} choose={setAdding} />
        )}
      </Card>
    </>
  )
}

function chooseLine(line: Line): void {
  sessionStorage.setItem('line', JSON.stringify(line))
  go('#/setup/5')
}

/** Who is told, by which relay, tried before it is saved and with a mail after. */
function RelayStep({ editing }: { editing: Editing }) {
  const settings = editing.kept?.settings
  const person = settings?.people[0]
  const saved = settings?.relays[0] as unknown as Value | undefined
  const [address, setAddress] = useState(person?.address ?? '')
  const [relay, setRelay] = useState<Value | undefined>(saved)
  const [password, setPassword] = useState('')
  const [done, setDone] = useState(false)
  const auth = relay?.auth as { kind?: string; user?: string; password?: { secret: string } } | undefined
  const others = { ...settings, relays: settings?.relays.slice(1) }
  const secret = secretName(others, auth?.password?.secret ?? `relay:${relay?.id}`)
  const save = async () => {
    const people = [{ id: person?.id ?? 'ops', name: person?.name ?? address.split('@')[0], address }, ...(settings?.people ?? []).slice(1)]
    const from =
      auth?.kind === 'password' && /@/.test(auth.user ?? '') && settings?.mail.from === undefined
        ? { mail: { ...settings?.mail, from: auth.user } }
        : {}
    const relays = relay ? [relay, ...(settings?.relays ?? []).slice(1)] : settings?.relays
    const wrong = await editing.save({ ...settings, people, relays, ...from }, { [secret]: password })
    setDone(!wrong)
    return wrong
  }
  return (
    <>
      <Card>
        <Field
          label={t('Who gets the alerts')}
          type="email"
          autocomplete="email"
          value={address}
          set={setAddress}
          help={t('A mail address')}
        />
        {!relay ? (
          <Presets settings={settings} choose={setRelay} />
        ) : (
          <>
            <Field label={t('Mail server')} value={String(relay.host ?? '')} set={(host) => setRelay({ ...relay, host })} />
            <Field
              label={t('Port')}
              type="number"
              value={String(relay.port ?? '')}
              set={(port) => setRelay({ ...relay, port: Number(port) })}
            />
            <Choice
              label={t('Encryption')}
              value={String(relay.security)}
              of={[
                ['tls', t('TLS from the start (465)')],
                ['starttls', t('STARTTLS (587)')],
                ['none', t('none; then no password is sent')],
              ]}
              set={(security) => setRelay({ ...relay, security })}
            />
            <Choice
              label={t('Login')}
              value={auth?.kind === 'password' ? 'password' : 'none'}
              of={[
                ['password', t('with name and password')],
                ['none', t('without')],
              ]}
              set={(kind) =>
                setRelay({ ...relay, auth: kind === 'none' ? { kind } : { kind, user: auth?.user ?? '', password: { secret } } })
              }
            />
            {auth?.kind === 'password' && (
              <>
                <Field
                  label={t('User')}
                  autocomplete="off"
                  value={auth.user ?? ''}
                  set={(user) => setRelay({ ...relay, auth: { ...auth, user } })}
                />
                <Field
                  label={t('Password')}
                  type="password"
                  autocomplete="off"
                  help={t('Kept on the box and never shown. Leave it empty to keep what is there.')}
                  value={password}
                  set={(next) => {
                    setPassword(next)
                    setRelay({ ...relay, auth: { ...auth, password: { secret } } })
                  }}
                />
              </>
            )}
            <Field
              label={t('Its certificate (SHA-256), when it is a server of your own')}
              help={t('Check connection shows it. Empty: the usual authorities.')}
              value={((relay.pin as string[] | undefined) ?? []).join(' ')}
              set={(pin) => setRelay(pin === '' ? without(relay, 'pin') : { ...relay, pin: pin.split(/\s+/) })}
            />
            <Check relay={relay} typed={{ [secret]: password }} />
          </>
        )}
        <Findings findings={editing.findings.filter((one) => one.level === 'error')} />
        <div class="row">
          <Deed kind="main" disabled={!/.@./.test(address)} deed={save}>
            {t('Save')}
          </Deed>
        </div>
        {done && (
          <p class="note good" role="status">
            {t('Saved. Now send a test mail, and read it.')}
          </p>
        )}
      </Card>
      {(done || saved) && <TestMail key={address} start={address} />}
    </>
  )
}

const without = (value: Value, name: string): Value => Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))

function RuleStep({ editing, next }: { editing: Editing; next: () => void }) {
  const [line, setLine] = useState<Line | undefined>(() => {
    try {
      return JSON.parse(sessionStorage.getItem('line') ?? 'null') ?? undefined
    } catch {
      return undefined
    }
  })
  const rules = editing.kept?.settings.rules ?? []
  if (!line)
    return (
      <Card title={t('Choose a line that was heard')}>
        <p>{t('Let a device send something, and make a rule from it.')}</p>
        <Lines choose={setLine} />
      </Card>
    )
  return (
    <Editor
      key={line.number}
      editing={editing}
      index={rules.length}
      rule={{ id: `rule-${rules.length + 1}`, when: {}, to: [] }}
      line={line}
      done={() => {
        sessionStorage.removeItem('line')
        next()
      }}
    />
  )
}

function Summary({ editing }: { editing: Editing }) {
  const settings = editing.kept?.settings
  useEffect(() => sessionStorage.removeItem('line'), [])
  return (
    <>
      <Card>
        <Facts
          of={[
            [t('Site'), settings?.site.name],
            [t('Sources'), [...(settings?.sources ?? []).map((one) => one.id), ...(settings?.broker.enabled ? ['broker'] : [])].join(', ')],
            [t('People'), (settings?.people ?? []).map((one) => one.address).join(', ') || '—'],
            [t('Relays'), (settings?.relays ?? []).map((one) => one.host).join(', ') || '—'],
            [t('Rules'), (settings?.rules ?? []).map((one) => one.id).join(', ') || '—'],
          ]}
        />
        <Findings findings={editing.findings} />
      </Card>
      <BackUp />
    </>
  )
}
