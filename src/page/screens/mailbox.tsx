import { useEffect, useState } from 'preact/hooks'
import { get, type Problem } from '../api.ts'
import { Card, Deed, Facts, Field, Scroll, Wrong } from '../parts.tsx'
import { t } from '../words.ts'

/** Mail on the box: headers first, the rest when somebody asks. Nothing of a mail is rendered or fetched. */
type Summary = { id: string; from: string; to: string; subject: string; date: string; unread: boolean }

export function Mailbox() {
  const [find, setFind] = useState('')
  const [list, setList] = useState<{ total: number; mails: Summary[] }>()
  const [problem, setProblem] = useState<Problem>()
  useEffect(() => {
    const timer = setTimeout(async () => {
      const answer = await get<{ total: number; mails: Summary[] }>(`/api/mailbox?find=${encodeURIComponent(find)}`)
      if (answer.ok) setList(answer.value)
      setProblem(answer.problem)
    }, 250)
    return () => clearTimeout(timer)
  }, [find])
  return (
    <>
      <h1>{t('Mailbox')}</h1>
      <p class="soft">{t('Mail for people of this site, and notices of what could not be delivered.')}</p>
      <Field label={t('Search')} help={t('In sender, recipient and subject')} value={find} set={setFind} />
      <Wrong problem={problem} />
      <div class="row">
        <a class="button" href="/api/mailbox.mbox" download>
          {t('Export all (.mbox)')}
        </a>
      </div>
      {list?.total === 0 && <p>{t('No mail.')}</p>}
      {list?.mails.map((mail) => (
        <Mail key={mail.id} mail={mail} />
      ))}
      {list && list.total > list.mails.length && (
        <p class="soft">{t('{n} more; search to find them.', { n: list.total - list.mails.length })}</p>
      )}
    </>
  )
}

const views = ['Text', 'Headers', 'Raw'] as const

function Mail({ mail }: { mail: Summary }) {
  const [raw, setRaw] = useState<string>()
  const [view, setView] = useState<(typeof views)[number]>('Text')
  const open = async () => {
    if (raw !== undefined) return setRaw(undefined)
    const answer = await get<{ raw: string }>(`/api/mailbox/${mail.id}`)
    if (answer.ok) setRaw(answer.value.raw)
    return answer
  }
  const [head = '', ...rest] = (raw ?? '').split('\n\n')
  return (
    <Card title={mail.subject || t('(no subject)')}>
      <Facts
        of={[
          [t('From'), mail.from],
          [t('To'), mail.to],
          [t('Date'), mail.date],
        ]}
      />
      <div class="row">
        <Deed deed={open}>{raw === undefined ? t('Read') : t('Close')}</Deed>
        {raw !== undefined &&
          views.map((one) => (
            <button type="button" key={one} aria-pressed={view === one} onClick={() => setView(one)}>
              {t(one)}
            </button>
          ))}
        <a class="button" href={`/api/mailbox/${mail.id}?as=eml`} download>
          .eml
        </a>
      </div>
      {raw !== undefined && (
        <Scroll label={t('Text')}>{view === 'Raw' ? raw : view === 'Headers' ? head : plain(head, rest.join('\n\n'))}</Scroll>
      )}
    </Card>
  )
}

/** The text of a mail of ours: the first part that is text, decoded. */
function plain(head: string, body: string): string {
  const boundary = /boundary="?([^"\n;]+)"?/i.exec(head)?.[1]
  if (boundary !== undefined) {
    for (const part of body.split(`--${boundary}`).slice(1)) {
      const [partHead = '', ...rest] = part.replace(/^\n/, '').split('\n\n')
      if (/multipart\//i.test(partHead) || /text\/plain/i.test(partHead)) return plain(partHead, rest.join('\n\n'))
    }
    return body
  }
  if (/^content-transfer-encoding: *quoted-printable/im.test(head)) return unquoted(body)
  if (/^content-transfer-encoding: *base64/im.test(head)) return utf8(atob(body.replace(/\s/g, '')))
  return body
}

const unquoted = (text: string): string =>
  utf8(text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))))

/** What was not encoded is beyond Latin-1 and stays as it is. */
const utf8 = (binary: string): string =>
  /[^\u0000-\u00ff]/.test(binary) ? binary : new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)))
