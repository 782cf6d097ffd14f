import { type ComponentType, render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { get, post } from './api.ts'
import { live, useLive } from './live.ts'
import { Deed, go, StateMark } from './parts.tsx'
import { Device } from './screens/device.tsx'
import { Claim, Login } from './screens/door.tsx'
import { Logs } from './screens/logs.tsx'
import { Mailbox } from './screens/mailbox.tsx'
import { Overview } from './screens/overview.tsx'
import { People } from './screens/people.tsx'
import { Queue } from './screens/queue.tsx'
import { Rules } from './screens/rules.tsx'
import { SetUp } from './screens/setup.tsx'
import { Sources } from './screens/sources.tsx'
import { language, span, speak, t, type Word } from './words.ts'

/** The page: who may see it, where it is, and the strip that stands on every screen. */
const screens: Readonly<Record<string, { title: Word; screen: ComponentType<{ rest: string[] }> }>> = {
  '': { title: 'Overview', screen: Overview },
  sources: { title: 'Sources', screen: Sources },
  rules: { title: 'Rules', screen: Rules },
  people: { title: 'People and relays', screen: People },
  queue: { title: 'Queue', screen: Queue },
  mailbox: { title: 'Mailbox', screen: Mailbox },
  device: { title: 'Device', screen: Device },
  logs: { title: 'Logs', screen: Logs },
}

type Who = 'asking' | 'unclaimed' | 'out' | 'in' | 'away'

function App() {
  const [who, setWho] = useState<Who>('asking')
  const [place, setPlace] = useState(location.hash)
  const [, redraw] = useState(0)
  const look = async () => {
    const answer = await get('/api/state')
    const status = answer.ok ? 200 : answer.problem.status
    setWho(status === 200 ? 'in' : status === 403 ? 'unclaimed' : status === 401 ? 'out' : 'away')
    if (status === 200) live.begin()
    else live.end()
  }
  useEffect(() => {
    speak(language)
    const moved = () => {
      setPlace(location.hash)
      scrollTo(0, 0)
      document.getElementById('main')?.focus({ preventScroll: true })
    }
    addEventListener('hashchange', moved)
    addEventListener('outpost-out', () => void look())
    addEventListener('outpost-words', () => redraw((count) => count + 1))
    void look()
  }, [])
  useEffect(() => {
    if (who !== 'away') return
    const timer = setInterval(() => void look(), 3000)
    return () => clearInterval(timer)
  }, [who])
  if (who === 'asking') return <main id="main" tabIndex={-1} />
  if (who === 'away')
    return (
      <main id="main" tabIndex={-1}>
        <p class="lead" role="status">
          {t('The box does not answer.')} {t('This page tries again by itself.')}
        </p>
      </main>
    )
  if (who === 'unclaimed')
    return (
      <Claim
        done={() => {
          go('#/setup/2')
          void look()
        }}
      />
    )
  if (who === 'out') return <Login done={() => void look()} />
  return <Inside place={place} />
}

function Inside({ place }: { place: string }) {
  const [open, setOpen] = useState(false)
  const { state } = useLive()
  const [, first = '', ...rest] = place.replace(/^#/, '').split('?')[0]?.split('/') ?? []
  const here = first === 'setup' ? undefined : (screens[first] ?? screens[''])
  const Screen = here?.screen ?? SetUp
  document.title = `${here ? t(here.title) : t('Set up')} · ${state?.site.name ?? 'Outpost'}`
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {t('To the content')}
      </button>
      <header>
        <div>
          <span class="name">{state?.site.name ?? 'Outpost'}</span>
          <button type="button" class="menu" aria-expanded={open} aria-controls="nav" onClick={() => setOpen(!open)}>
            {t('Menu')}
          </button>
          <nav id="nav" class={open ? 'open' : ''} aria-label={t('Screens')}>
            {Object.entries(screens).map(([path, { title }]) => (
              <a key={path} href={`#/${path}`} aria-current={path === first ? 'page' : undefined} onClick={() => setOpen(false)}>
                {t(title)}
              </a>
            ))}
          </nav>
        </div>
      </header>
      <Strip />
      <main id="main" tabIndex={-1}>
        {state ? <Screen key={first} rest={rest} /> : <p role="status">{t('One moment …')}</p>}
      </main>
    </>
  )
}

const jumpShownMs = 120_000

/** Sources, link, what waits, clock: in a line, on every screen. */
function Strip() {
  const { state, connected, jump } = useLive()
  const work = state?.gateway
  const up = work?.sources.filter((one) => one.state === 'up').length ?? 0
  const all = work?.sources.length ?? 0
  const waiting = work ? work.queue.waiting - work.kept : 0
  return (
    <div class="strip" role="status" aria-label={t('State of the box')}>
      <div>
        {!connected && (
          <span class="away">
            <StateMark mood="warn">{t('The box does not answer. What you see is old; this page tries again by itself.')}</StateMark>
          </span>
        )}
        {connected && !work && (
          <span class="away">
            <StateMark mood="warn">{state?.standsStill ?? t('The gateway is starting.')}</StateMark>
          </span>
        )}
        {state?.trialLeftMs !== undefined && (
          <span class="away row">
            <StateMark mood="warn">
              {t('The page was moved. It goes back in {span} unless you keep it here.', { span: span(state.trialLeftMs) })}
            </StateMark>
            <Deed kind="main" deed={() => post('/api/confirm')}>
              {t('Keep it')}
            </Deed>
          </span>
        )}
        {jump && Date.now() - jump.seen < jumpShownMs && (
          <span class="away">
            <StateMark mood="warn">
              {t(jump.ms > 0 ? 'The clock of the box was set forward by {span}.' : 'The clock of the box was set back by {span}.', {
                span: span(Math.abs(jump.ms)),
              })}
            </StateMark>
          </span>
        )}
        {work && (
          <>
            <StateMark mood={up === all ? 'good' : 'bad'}>{t('Sources {up}/{all}', { up, all })}</StateMark>
            <StateMark mood={work.link ? (work.link.up ? 'good' : 'warn') : 'off'}>
              {work.link ? t(work.link.up ? 'Link up' : 'Link away') : t('Link unknown')}
            </StateMark>
            <StateMark mood={work.queue.readOnly ? 'bad' : waiting > 0 ? 'warn' : 'good'}>{t('Waiting {n}', { n: waiting })}</StateMark>
            <StateMark mood={!state.clock.plausible ? 'bad' : state.clock.synchronised === 'no' ? 'warn' : 'good'}>
              {t(!state.clock.plausible || state.clock.synchronised === 'no' ? 'Clock not set' : 'Clock set')}
            </StateMark>
          </>
        )}
      </div>
    </div>
  )
}

const theme = localStorage.getItem('theme')
if (theme) document.documentElement.dataset.theme = theme
const root = document.getElementById('page')
if (root) render(<App />, root)
