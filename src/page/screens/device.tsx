import { useEffect, useState } from 'preact/hooks'
import { ask, get, post } from '../api.ts'
import { BackUp, Restore } from '../backup.tsx'
import { useLive } from '../live.ts'
import { Languages } from '../look.tsx'
import { Card, Choice, Deed, Facts, Field, go } from '../parts.tsx'
import { Place } from '../place.tsx'
import { Update } from '../update.tsx'
import { bytesOf, date, dateTime, span, t } from '../words.ts'

/** The device itself: backup, password, sessions, tokens, restart, reset. */
export function Device() {
  const { state } = useLive()
  const hardware = state?.hardware
  const supply = hardware?.supply
  return (
    <>
      <h1>{t('Device')}</h1>
      <Card>
        <Facts
          of={[
            [t('Software'), state?.software],
            [t('Supported until'), state && date(state.supportedUntil)],
            [t('Device id'), state?.device],
            [t('Running for'), span(state?.upMs ?? 0)],
            [t('Power cuts survived'), state?.gateway?.power.cuts],
            [t('Board'), hardware?.board],
            [t('Temperature'), hardware?.celsius === undefined ? undefined : `${hardware.celsius} °C`],
            [t('Power supply'), supply && t(supply === 'good' ? 'good' : supply === 'low' ? 'too weak' : 'was too weak')],
            [t('Written to the storage'), hardware?.writtenBytes === undefined ? undefined : bytesOf(hardware.writtenBytes)],
            [t('Life of the storage'), hardware?.usedPercent === undefined ? undefined : t('{n} % used', { n: hardware.usedPercent })],
          ]}
        />
        <Languages />
      </Card>
      <Update />
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
