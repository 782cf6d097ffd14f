import { useEffect, useState } from 'preact/hooks'
import type { System } from '../web/routes/update.ts'
import { ask, get, post } from './api.ts'
import { Card, Deed } from './parts.tsx'
import { t } from './words.ts'

const pieceBytes = 1024 * 1024

/** The system under the gateway: a signed file comes in pieces, is looked at, and is installed. Nothing is shown where the system was not flashed. */
export function Update() {
  const [system, setSystem] = useState<System>()
  const [sent, setSent] = useState('')
  useEffect(() => {
    const look = async () => {
      const answer = await get<System>('/api/update')
      if (answer.ok) setSystem(answer.value)
    }
    void look()
    const timer = setInterval(() => void look(), 2000)
    return () => clearInterval(timer)
  }, [])
  if (!system) return null
  const { version, slot, state, bundle, percent = 0, why } = system
  const bring = async (file: File | undefined) => {
    for (let at = 0; file && at < file.size; at += pieceBytes) {
      setSent(`${Math.round((100 * at) / file.size)} %`)
      const answer = await ask('POST', `/api/update?offset=${at}`, file.slice(at, at + pieceBytes))
      if (!answer.ok) return setSent(`${answer.problem.error} ${answer.problem.hint}`)
    }
    setSent('')
    await post('/api/update/check')
  }
  return (
    <Card title={t('Update')}>
      <p>{t('Version {version} runs, in slot {slot}.', { version, slot })}</p>
      <label class="field">
        {t('Signed file (.raucb)')}
        <input
          type="file"
          accept=".raucb"
          disabled={state === 'checking' || state === 'installing'}
          onChange={(event) => void bring(event.currentTarget.files?.[0])}
        />
      </label>
      <p role="status">
        {sent}
        {state === 'installing' && `${t('Is being written, {percent} %. What runs stays as it is.', { percent })}`}
        {state === 'installed' && t('Installed. The box restarts; it goes back by itself should that not work.')}
        {state === 'trial' && t('It shows whether it works.')}
      </p>
      {why !== undefined && <p class="note bad">{why}</p>}
      {state === 'checked' && (
        <Deed kind="main" deed={() => post('/api/update/install')}>
          {t('Install version {bundle}', { bundle: bundle ?? '' })}
        </Deed>
      )}
    </Card>
  )
}
