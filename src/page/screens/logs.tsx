import { useState } from 'preact/hooks'
import { get, saveFile } from '../api.ts'
import { useLive } from '../live.ts'
import { Card, Choice, Deed, Field, Scroll, StateMark } from '../parts.tsx'
import { clockTime, t } from '../words.ts'

/** The log, live, and the bundle for whoever helps. */
const levels = ['debug', 'info', 'warning', 'error']

export function Logs() {
  const { log } = useLive()
  const [level, setLevel] = useState<'debug' | 'warning' | 'error'>('debug')
  const [find, setFind] = useState('')
  const [bundle, setBundle] = useState<Record<string, unknown>>()
  const shown = log
    .filter(
      (line) => levels.indexOf(line.level) >= levels.indexOf(level) && JSON.stringify(line).toLowerCase().includes(find.toLowerCase()),
    )
    .slice(-200)
    .reverse()
  const list = async () => {
    const answer = await get<Record<string, unknown>>('/api/support')
    if (answer.ok) setBundle(answer.value)
    return answer
  }
  return (
    <>
      <h1>{t('Logs')}</h1>
      <div class="two">
        <Choice
          label={t('From level')}
          value={level}
          of={[
            ['debug', t('everything')],
            ['warning', t('warnings and errors')],
            ['error', t('errors')],
          ]}
          set={setLevel}
        />
        <Field label={t('Search')} help={t('A source, a relay, a word')} value={find} set={setFind} />
      </div>
      {shown.length === 0 ? (
        <p class="soft">{t('Nothing to show.')}</p>
      ) : (
        <Scroll kind="lines" label={t('Log, newest first')}>
          <ol>
            {shown.map(({ time, level: one, event, ...facts }, index) => (
              <li key={`${time}${event}${index}`}>
                <span class="soft">{clockTime(Date.parse(time))}</span>{' '}
                {one === 'warning' || one === 'error' ? (
                  <StateMark mood={one === 'error' ? 'bad' : 'warn'}>{t(one === 'error' ? 'error' : 'warning')}</StateMark>
                ) : (
                  ''
                )}{' '}
                {event}{' '}
                <span class="soft">
                  {Object.entries(facts)
                    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
                    .join(' ')}
                </span>
              </li>
            ))}
          </ol>
        </Scroll>
      )}
      <Card title={t('Support bundle')}>
        <p>{t('Settings, state and log for whoever helps you; no secret, alert or mail.')}</p>
        <div class="row">
          <Deed deed={list}>{t('Show what is in it')}</Deed>
          {bundle && (
            <button type="button" class="main" onClick={() => saveFile('outpost-support.json', JSON.stringify(bundle, null, 1))}>
              {t('Save')}
            </button>
          )}
        </div>
        {bundle && <Scroll label={t('Text')}>{JSON.stringify(bundle, null, 1)}</Scroll>}
      </Card>
    </>
  )
}
