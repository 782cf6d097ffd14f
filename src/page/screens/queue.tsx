import { useEffect, useState } from 'preact/hooks'
import { get, type Problem, post } from '../api.ts'
import { useLive } from '../live.ts'
import { Card, Deed, Facts, Scroll, StateMark, Wrong } from '../parts.tsx'
import { count, dateTime, span, t } from '../words.ts'

/** Letters that wait, and those that have left. */
type Letter = {
  id: number
  source: string
  number: number
  severity: 'critical' | 'warning' | 'info'
  text: string
  to: string[]
  state: 'waiting' | 'held' | 'deferred' | 'kept'
  attempts: number
  ageMs: number
  nextTryMs: number
  why?: string
}

export function Queue() {
  const { state } = useLive()
  const [after, setAfter] = useState(0)
  const [list, setList] = useState<{ total: number; letters: Letter[] }>()
  const [problem, setProblem] = useState<Problem>()
  const look = async () => {
    const answer = await get<{ total: number; letters: Letter[] }>(`/api/queue?after=${after}`)
    if (answer.ok) setList(answer.value)
    setProblem(answer.problem)
  }
  const waiting = state?.gateway?.queue.waiting
  useEffect(() => void look(), [waiting, after])
  const last = list?.letters.at(-1)
  const faulty = state?.gateway?.relays.filter((one) => one.why !== undefined) ?? []
  return (
    <>
      <h1>{t('Queue')}</h1>
      <Wrong problem={problem} />
      {faulty.map((one) => (
        <p key={one.id} class="note warn">
          {one.id}: {one.why} {one.hint}
        </p>
      ))}
      <p>{list?.total === 0 ? t('Nothing waits: every letter has left.') : count('{n} letters wait, oldest first.', list?.total ?? 0)}</p>
      {list && list.total > 0 && (
        <div class="row">
          <Deed
            kind="main"
            deed={async () => {
              const answer = await post('/api/queue/retry')
              await look()
              return answer
            }}
          >
            {t('Try all now')}
          </Deed>
          {after > 0 && <Deed deed={() => setAfter(0)}>{t('To the beginning')}</Deed>}
        </div>
      )}
      {list?.letters.slice(0, 50).map((one) => (
        <LetterCard key={one.id} letter={one} done={() => void look()} />
      ))}
      {list && last && list.letters.length > 50 && <Deed deed={() => setAfter(list.letters[49]?.id ?? 0)}>{t('Further letters')}</Deed>}
      <Left />
    </>
  )
}

type Past = {
  id: number
  text: string
  subject?: string
  outcomes: { kind: 'delivered' | 'refused' | 'expired' | 'merged' | 'dropped'; to: string[]; why?: string; at?: number }[]
}

/** As far back as the journal remembers. */
function Left() {
  const [past, setPast] = useState<Past[]>()
  const look = async () => {
    const answer = await get<{ letters: Past[] }>('/api/history')
    if (answer.ok) setPast(answer.value.letters)
    return answer
  }
  return (
    <Card title={t('Letters that have left')}>
      <Deed deed={look}>{t('Look')}</Deed>
      {past?.map(({ id, text, subject = text, outcomes }) => (
        <p key={id}>
          #{id} {subject.split('\n')[0]}
          {outcomes.map(({ kind, to, why, at }, index) => (
            <small key={index}>
              <br />
              {t(kind)}: {to.join(', ')} {at !== undefined && dateTime(at)} {why}
            </small>
          ))}
        </p>
      ))}
    </Card>
  )
}

const words = { waiting: 'waits for the way', held: 'held by hand', deferred: 'put off', kept: 'kept by a rule' } as const

function LetterCard({ letter, done }: { letter: Letter; done: () => void }) {
  const [mail, setMail] = useState<string>()
  const { id, severity, text, to, source, number, state, attempts, ageMs, nextTryMs, why } = letter
  const act = (verb: string) => async () => {
    const answer = await post(`/api/queue/${id}/${verb}`)
    done()
    return answer
  }
  const look = async () => {
    if (mail !== undefined) return setMail(undefined)
    const answer = await get<{ mail: string }>(`/api/queue/${id}`)
    if (answer.ok) setMail(answer.value.mail)
    return answer
  }
  return (
    <Card
      title={
        <>
          <StateMark mood={severity === 'critical' ? 'bad' : severity === 'warning' ? 'warn' : 'off'}>{t(severity)}</StateMark>{' '}
          {text.split('\n')[0]}
        </>
      }
    >
      <Facts
        of={[
          [t('To'), to.join(', ')],
          [
            t('From'),
            <>
              {source} #{number}
            </>,
          ],
          [
            t('State'),
            <>
              {t(words[state])}
              {why !== undefined && `: ${why}`}
            </>,
          ],
          [t('Age'), span(ageMs)],
          [
            t('Tries'),
            <>
              {attempts}
              {nextTryMs > 0 && `, ${t('next in {span}', { span: span(nextTryMs) })}`}
            </>,
          ],
        ]}
      />
      <div class="row">
        <Deed deed={act('retry')}>{t('Try now')}</Deed>
        <Deed deed={act(state === 'held' ? 'release' : 'hold')}>{state === 'held' ? t('Release') : t('Hold')}</Deed>
        <Deed deed={look}>{mail === undefined ? t('Look inside') : t('Close')}</Deed>
        <Deed kind="risk" sure={t('Throw this letter away? Nobody will be told.')} deed={act('drop')}>
          {t('Drop')}
        </Deed>
      </div>
      {mail !== undefined && <Scroll label={t('Text')}>{mail}</Scroll>}
    </Card>
  )
}
