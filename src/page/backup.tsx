import { useState } from 'preact/hooks'
import { post, saveFile } from './api.ts'
import { Card, Deed, Field, Findings, Scroll } from './parts.tsx'
import { t } from './words.ts'

/** The settings as a file, for the wizard and the device's screen. */
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
