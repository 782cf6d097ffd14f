import { useEffect, useState } from 'preact/hooks'
import { ask, get } from './api.ts'
import { Card, Choice, Deed, Facts } from './parts.tsx'
import { useSettings } from './use-settings.tsx'
import { dateTime, t } from './words.ts'

/** Where the page is served, and by which certificate. */
export function Place() {
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
