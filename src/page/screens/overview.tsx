import { useEffect, useState } from 'preact/hooks'
import { ask, get, post } from '../api.ts'
import { Lines } from '../lines.tsx'
import { useLive } from '../live.ts'
import { Card, Deed, Facts, StateMark } from '../parts.tsx'
import { bytesOf, dateTime, span, t } from '../words.ts'

/** Overview: one sentence, then what it rests on. */
export function Overview() {
  const { state } = useLive()
  const work = state?.gateway
  if (!state || !work) return <p class="lead">{state?.standsStill ?? t('The gateway is starting.')}</p>
  const { sources, relays, link, queue, kept, alerts, settled } = work
  const down = sources.filter((one) => one.state !== 'up')
  const faulty = relays.filter((one) => one.why !== undefined)
  const waiting = queue.waiting - kept
  return (
    <>
      <h1>{t('Overview')}</h1>
      <p class="lead">{state.health.parts.map(({ say, n }) => t(say, { n: n ?? 0 })).join(' ')}</p>
      {alerts.active.length > 0 && (
        <Card title={t('Raised now')} mood={alerts.active.some((one) => one.severity === 'critical') ? 'bad' : 'warn'}>
          {alerts.active.slice(0, 50).map((one) => (
            <div key={one.id} class="row between">
              <span>
                <StateMark mood={one.severity === 'critical' ? 'bad' : one.severity === 'warning' ? 'warn' : 'off'}>
                  {t(one.severity)}
                </StateMark>{' '}
                {one.text}{' '}
                <span class="soft">
                  {one.source} · {t('for {span}', { span: span(one.ageMs) })}
                  {one.acknowledgedBy !== undefined && ` · ${t('taken on by {name}', { name: one.acknowledgedBy })}`}
                </span>
              </span>
              <span class="row">
                {one.acknowledgedBy === undefined && (
                  <Deed deed={() => post(`/api/alerts/${one.id}/acknowledge`, { by: t('the page') })}>{t('Acknowledge')}</Deed>
                )}
                <Deed deed={() => post('/api/silences', { source: one.source, key: one.key, for: '2h', by: t('the page') })}>
                  {t('Silence for 2 h')}
                </Deed>
              </span>
            </div>
          ))}
          {alerts.silences.map((one) => (
            <div key={one.id} class="row between">
              <span class="soft">
                {t('Silenced: {what}, {span} left', { what: Object.values(one.match).join(' '), span: span(one.leftMs) })}
              </span>
              <Deed deed={() => ask('DELETE', `/api/silences/${one.id}`)}>{t('End it')}</Deed>
            </div>
          ))}
        </Card>
      )}
      <div class="cards">
        <Card title={t('Sources')} mood={down.length > 0 ? 'bad' : undefined}>
          {sources.length === 0 && (
            <p>
              {t('None yet.')} <a href="#/sources">{t('Add one')}</a>
            </p>
          )}
          {sources.map((one) => (
            <p key={one.id}>
              <StateMark mood={moodOf(one.state)}>{one.id}</StateMark> <span class="soft">{t('{n} heard', { n: one.heard })}</span>
              {one.why !== undefined && (
                <>
                  <br />
                  <span class="small">{one.why}</span>
                </>
              )}
            </p>
          ))}
        </Card>
        <Card title={t('Relays')} mood={faulty.length > 0 ? 'warn' : undefined}>
          {relays.length === 0 && (
            <p>
              {t('None: only people of this site get mail, in the mailbox of the box.')} <a href="#/people">{t('Add one')}</a>
            </p>
          )}
          {relays.map((one) => (
            <p key={one.id}>
              <StateMark mood={one.why === undefined ? 'good' : 'warn'}>{one.id}</StateMark>{' '}
              {one.goodMs !== undefined && <span class="soft">{t('last mail {span} ago', { span: span(one.goodMs) })}</span>}
              {one.why !== undefined && (
                <>
                  <br />
                  <span class="small">
                    {one.why} {one.hint}
                  </span>
                </>
              )}
            </p>
          ))}
          {link && <p class="soft small">{link.why}</p>}
        </Card>
        <Card title={t('Queue')} mood={queue.readOnly ? 'bad' : undefined}>
          <Facts
            of={[
              [t('Waiting'), waiting],
              [t('Kept by rules'), kept],
              [t('Delivered'), settled.delivered],
              [t('Merged'), settled.merged],
              [t('Refused'), settled.refused],
              [t('Expired'), settled.expired],
              [t('Room left'), bytesOf(queue.free)],
            ]}
          />
          {queue.readOnly && <p class="fault">{queue.readOnly}</p>}
          <a href="#/queue">{t('Look at the queue')}</a>
        </Card>
        <Card title={t('Clock')} mood={state.clock.plausible ? undefined : 'bad'}>
          <PhoneTime />
          <p>{dateTime(state.clock.wall)}</p>
          <p class="soft">
            {t(
              state.clock.plausible && state.clock.synchronised !== 'no'
                ? 'Set. Letters say the time they were written.'
                : 'Not set. Letters say how far their time can be trusted.',
            )}
          </p>
        </Card>
      </div>
      <h2>{t('The last day')}</h2>
      <Plot />
      <h2>{t('Heard just now')}</h2>
      <Lines />
      <div class="row">
        <Deed deed={() => post('/api/alerts', { text: t('Test alarm from the page'), severity: 'warning' })}>{t('Send a test alarm')}</Deed>
      </div>
    </>
  )
}

export const moodOf = (state: string): 'good' | 'warn' | 'bad' | 'off' =>
  state === 'up' ? 'good' : state === 'down' ? 'bad' : state === 'starting' ? 'warn' : 'off'

type Look = { at: number; delivered: number; refused: number; waiting: number; link?: boolean }

/** What was delivered and refused in each half hour, what waited, and whether there was a link. */
function Plot() {
  const [looks, set] = useState<Look[]>([])
  const gaps = useLive().state?.gateway?.power.gaps ?? []
  useEffect(() => {
    const look = () => void get<Look[]>('/api/chronicle').then((answer) => answer.ok && set(answer.value))
    look()
    const timer = setInterval(look, 60_000)
    return () => clearInterval(timer)
  }, [])
  const last = looks.at(-1)
  if (!last || looks.length < 2) return <p class="soft">{t('Begins when the box has run for ten minutes.')}</p>
  const [wide, high, day, slots] = [600, 90, 86_400_000, 48]
  const from = last.at - day
  const x = (at: number) => ((at - from) / day) * wide
  const bars = Array.from({ length: slots }, () => ({ delivered: 0, refused: 0 }))
  looks.slice(1).forEach((one, index) => {
    const before = looks[index]
    const bar = bars[Math.min(slots - 1, Math.max(0, Math.floor(((one.at - from) / day) * slots)))]
    if (!before || !bar) return
    bar.delivered += Math.max(0, one.delivered - before.delivered)
    bar.refused += Math.max(0, one.refused - before.refused)
  })
  const most = Math.max(4, ...bars.map((bar) => bar.delivered + bar.refused), ...looks.map((one) => one.waiting))
  const y = (count: number) => high - (count / most) * (high - 6)
  const sum = (of: 'delivered' | 'refused') => bars.reduce((total, bar) => total + bar[of], 0)
  return (
    <figure>
      <svg
        class="plot"
        viewBox={`0 0 ${wide} ${high + 16}`}
        role="img"
        aria-label={t('Delivered {d}, refused {r}, at most {w} waiting', {
          d: sum('delivered'),
          r: sum('refused'),
          w: Math.max(...looks.map((one) => one.waiting)),
        })}
      >
        <path class="axis" d={`M0 ${high}h${wide}`} />
        {bars.map((bar, index) => {
          const left = (index * wide) / slots + 1
          const width = wide / slots - 2
          return (
            <g key={left}>
              <rect class="d" x={left} width={width} y={y(bar.delivered)} height={high - y(bar.delivered)} />
              <rect class="r" x={left} width={width} y={y(bar.delivered + bar.refused)} height={high - y(bar.refused)} />
            </g>
          )
        })}
        <polyline class="w" points={looks.map((one) => `${x(one.at)},${y(one.waiting)}`).join(' ')} />
        {gaps
          .filter((gap) => gap.to > from && gap.to > gap.from)
          .map((gap) => (
            <rect
              key={gap.to}
              class="o"
              x={x(Math.max(from, gap.from))}
              y="0"
              height={high + 12}
              width={Math.max(2, x(gap.to) - x(Math.max(from, gap.from)))}
            />
          ))}
        {looks.map((one, index) => (
          <rect
            key={one.at}
            class={one.link === false ? 'n' : 'u'}
            x={x(one.at)}
            y={high + 6}
            height="6"
            width={Math.max(1, x(looks[index + 1]?.at ?? one.at) - x(one.at))}
          />
        ))}
      </svg>
      <figcaption class="soft small">{t('Bars: delivered, refused. Line: waiting. Below: the link. Grey: off.')}</figcaption>
    </figure>
  )
}

/** Offered while nothing else keeps the clock. */
export function PhoneTime() {
  const { state } = useLive()
  if (!state || (state.clock.plausible && state.clock.synchronised !== 'no')) return null
  return <Deed deed={() => post('/api/time', { wall: Date.now() })}>{t('Take the time of this device')}</Deed>
}
