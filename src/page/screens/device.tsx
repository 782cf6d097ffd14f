import { useEffect, useState } from 'preact/hooks'
import { ask, get, post, saveFile } from '../api.ts'
import { useLive } from '../live.ts'
import { Languages } from '../look.tsx'
import { Card, Choice, Deed, Facts, Field, Findings, go, Scroll } from '../parts.tsx'
import { useSettings } from '../use-settings.tsx'
import { dateTime, span, t } from '../words.ts'

/** The device itself: backup, password, sessions, tokens, restart, reset. */
export function Device() {
  const { state } = useLive()
  return (
    <>
      <h1>{t('Device')}</h1>
      <Card>
        <Facts
          of={[
            [t('Software'), state?.software],
            [t('Device id'), state?.device],
            [t('Running for'), span(state?.upMs ?? 0)],
            [t('Power cuts survived'), state?.gateway?.power.cuts],
          ]}
        />
        <Languages />
      </Card>
      <BackUp />
      <Restore />
      <Place />
      <Password />
      <Sessions />
      <Tokens />
      <Card title={t('Restart and reset')}>
        <div class="row">
          <Deed sure={t('Restart the gateway? It takes a moment; nothing is lost.')} deed={() => post('/api/restart')}>
            {t('Restart')}
          </Deed>
        </div>
        <Reset />
      </Card>
    </>
  )
}

export function BackUp() {
  const [passphrase, setPassphrase] = useState('')
  const save = async () => {
    const answer = await post('/api/backup', passphrase === '' ? {} : { passphrase })
    if (answer.ok) saveFile(`outpost-${new Date().toISOString().slice(0, 10)}.json`, JSON.stringify(answer.value, null, 1))
    return answer
  }
  return (
    <Card title={t('Backup')}>
      <p>{t('The settings as one file; passwords only under a passphrase.')}</p>
      <Field
        label={t('Passphrase')}
        help={t('Empty: without passwords. Otherwise at least 12 characters.')}
        type="password"
        autocomplete="new-password"
        value={passphrase}
        set={setPassphrase}
      />
      <div class="row">
        <Deed kind="main" deed={save}>
          {t('Download backup')}
        </Deed>
      </div>
    </Card>
  )
}

type Diff = {
  changes: string[]
  findings: { path: string; what: string; write: string; level: 'note' }[]
  secrets: string[]
  locked: boolean
}

export function Restore() {
  const [backup, setBackup] = useState<unknown>()
  const [passphrase, setPassphrase] = useState('')
  const [diff, setDiff] = useState<Diff>()
  const [wrong, setWrong] = useState('')
  const [done, setDone] = useState(false)
  const body = (apply: boolean) => ({ backup, apply, ...(passphrase === '' ? {} : { passphrase }) })
  const pick = async (file: File | undefined) => {
    setDiff(undefined)
    setDone(false)
    try {
      setBackup(file && JSON.parse(await file.text()))
      setWrong('')
    } catch {
      setWrong(t('This file is no backup: it is not JSON.'))
    }
  }
  const look = async () => {
    const answer = await post<Diff>('/api/restore', body(false))
    if (answer.ok) setDiff(answer.value)
    return answer
  }
  const apply = async () => {
    const answer = await post('/api/restore', body(true))
    if (answer.ok) setDone(true)
    return answer
  }
  return (
    <Card title={t('Restore a backup')}>
      <label>
        {t('Backup file')}
        <input type="file" accept=".json,application/json" onChange={(event) => void pick(event.currentTarget.files?.[0])} />
      </label>
      {wrong && <p class="fault">{wrong}</p>}
      <Field
        label={t('Passphrase')}
        help={t('When the backup was made with one')}
        type="password"
        autocomplete="off"
        value={passphrase}
        set={setPassphrase}
      />
      <div class="row">
        <Deed disabled={backup === undefined} deed={look}>
          {t('Show what would change')}
        </Deed>
        {diff && (
          <Deed kind="main" sure={t('Take these settings?')} deed={apply}>
            {t('Restore')}
          </Deed>
        )}
      </div>
      {diff && (
        <>
          <Scroll label={t('Text')}>{diff.changes.join('\n') || t('Nothing would change.')}</Scroll>
          <p>
            {diff.locked ? t('Its passwords stay locked without the passphrase.') : t('Passwords in it: {n}', { n: diff.secrets.length })}
          </p>
          <Findings findings={diff.findings} />
        </>
      )}
      {done && (
        <p class="note good" role="status">
          {t('Restored. The gateway works by these settings now.')}
        </p>
      )}
    </Card>
  )
}

/** Where the page is served, and by which certificate. */
function Place() {
  const { kept, save } = useSettings()
  const [about, setAbout] = useState<{ certificate?: { fingerprint: string; subject: string; validTo: number } }>()
  const [key, setKey] = useState('')
  const [cert, setCert] = useState('')
  useEffect(() => void get<typeof about>('/api/device').then((answer) => answer.ok && setAbout(answer.value)), [kept])
  const web = kept?.settings.web
  const [tls, setTls] = useState<'off' | 'own' | 'file'>()
  if (!web) return null
  const chosen = tls ?? web.tls
  const change = async () => {
    if (chosen === 'file' && key !== '') {
      const answer = await ask('PUT', '/api/certificate', { key, cert })
      if (!answer.ok) return answer.problem
    }
    const problem = await save({ ...kept.settings, web: { ...web, tls: chosen } })
    if (!problem && chosen !== web.tls) location.protocol = chosen === 'off' ? 'http:' : 'https:'
    return problem
  }
  const read = (set: (text: string) => void) => async (event: { currentTarget: HTMLInputElement }) =>
    set((await event.currentTarget.files?.[0]?.text()) ?? '')
  return (
    <Card title={t('HTTPS')}>
      <Choice
        label={t('Encryption of this page')}
        value={chosen}
        of={[
          ['off', t('none')],
          ['own', t('a certificate of the box')],
          ['file', t('a certificate of your own')],
        ]}
        set={setTls}
      />
      {chosen === 'own' && <p class="soft">{t('The browser warns once: compare the fingerprint with this one.')}</p>}
      {about?.certificate && (
        <Facts
          of={[
            [t('Fingerprint'), about.certificate.fingerprint],
            [t('Name'), about.certificate.subject],
            [t('Valid until'), dateTime(about.certificate.validTo)],
          ]}
        />
      )}
      {chosen === 'file' && (
        <>
          <label>
            {t('Certificate (PEM)')}
            <input type="file" onChange={(event) => void read(setCert)(event)} />
          </label>
          <label>
            {t('Private key (PEM)')}
            <input type="file" onChange={(event) => void read(setKey)(event)} />
          </label>
        </>
      )}
      <div class="row">
        <Deed deed={change} disabled={chosen === web.tls && key === ''}>
          {t('Save')}
        </Deed>
      </div>
    </Card>
  )
}

function Password() {
  const [before, setBefore] = useState('')
  const [next, setNext] = useState('')
  const [done, setDone] = useState(false)
  const change = async () => {
    const answer = await ask('PUT', '/api/password', { before, password: next })
    setDone(answer.ok)
    return answer
  }
  return (
    <Card title={t('Password')}>
      <Field label={t('Password now')} type="password" autocomplete="current-password" value={before} set={setBefore} />
      <Field
        label={t('New password')}
        help={t('At least {n} characters. A sentence is good.', { n: 12 })}
        type="password"
        autocomplete="new-password"
        value={next}
        set={setNext}
      />
      <div class="row">
        <Deed deed={change} disabled={next.length < 12}>
          {t('Change it')}
        </Deed>
      </div>
      {done && (
        <p class="note good" role="status">
          {t('Changed. All other sessions have ended.')}
        </p>
      )}
    </Card>
  )
}

function Sessions() {
  const [list, set] = useState<{ id: string; from: string; at: number; own: boolean }[]>([])
  useEffect(() => void get<typeof list>('/api/sessions').then((answer) => answer.ok && set(answer.value)), [])
  const leave = (all: boolean) => async () => {
    const answer = await post('/api/logout', { all })
    if (answer.ok) {
      go('#/')
      dispatchEvent(new Event('outpost-out'))
    }
    return answer
  }
  return (
    <Card title={t('Sessions')}>
      <ul>
        {list.map((one) => (
          <li key={one.id}>
            {one.from}, {dateTime(one.at)} {one.own && t('(this one)')}
          </li>
        ))}
      </ul>
      <div class="row">
        <Deed deed={leave(false)}>{t('Log out')}</Deed>
        <Deed deed={leave(true)}>{t('Log out everywhere')}</Deed>
      </div>
    </Card>
  )
}

function Tokens() {
  const [list, set] = useState<{ id: string; name: string; scope: string }[]>([])
  const [name, setName] = useState('')
  const [scope, setScope] = useState<'alerts' | 'read' | 'all'>('alerts')
  const [made, setMade] = useState('')
  const look = async () => {
    const answer = await get<typeof list>('/api/tokens')
    if (answer.ok) set(answer.value)
  }
  useEffect(() => void look(), [])
  const make = async () => {
    const answer = await post<{ token: string }>('/api/tokens', { name, scope })
    if (answer.ok) setMade(answer.value.token)
    await look()
    return answer
  }
  const remove = (id: string) => async () => {
    const answer = await ask('DELETE', `/api/tokens/${id}`)
    await look()
    return answer
  }
  return (
    <Card title={t('Tokens for machines')}>
      <p class="soft">{t('Authorization: Bearer …')}</p>
      {list.map((one) => (
        <div key={one.id} class="row between">
          <span>
            {one.name} <span class="soft">{one.scope}</span>
          </span>
          <Deed kind="risk" sure={t('Take this token away? Its machine is refused at once.')} deed={remove(one.id)}>
            {t('Remove')}
          </Deed>
        </div>
      ))}
      <Field label={t('Name')} value={name} set={setName} placeholder="scada" />
      <Choice
        label={t('May')}
        value={scope}
        of={[
          ['alerts', t('send alerts')],
          ['read', t('read state and mail')],
          ['all', t('do everything')],
        ]}
        set={setScope}
      />
      <div class="row">
        <Deed deed={make} disabled={name === ''}>
          {t('Make a token')}
        </Deed>
      </div>
      {made && (
        <p class="note" role="status">
          {t('It is shown only now:')} <code>{made}</code>
        </p>
      )}
    </Card>
  )
}

function Reset() {
  const [name, setName] = useState('')
  return (
    <>
      <h3>{t('Factory reset')}</h3>
      <p>{t('Takes away settings, passwords, letters and mail. Only a backup brings them back.')}</p>
      <Field label={t('To be sure, write the name of this site')} value={name} set={setName} />
      <div class="row">
        <Deed kind="risk" disabled={name === ''} sure={t('Take everything away?')} deed={() => post('/api/reset', { name })}>
          {t('Reset this box')}
        </Deed>
      </div>
    </>
  )
}
