import { useState } from 'preact/hooks'
import { type Problem, post } from '../api.ts'
import { Languages } from '../look.tsx'
import { Field, Wrong } from '../parts.tsx'
import { t } from '../words.ts'

/** In front of the door: claim and login. */
const leastChars = 12

export function Claim({ done }: { done: () => void }) {
  const [code, setCode] = useState(/^#\/claim\/([\w-]+)$/.exec(location.hash)?.[1] ?? '')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const [problem, setProblem] = useState<Problem>()
  const short = password !== '' && password.length < leastChars
  const differs = again !== '' && again !== password
  const submit = async (event: Event) => {
    event.preventDefault()
    const answer = await post('/api/claim', { code, password })
    if (answer.ok) done()
    else setProblem(answer.problem)
  }
  return (
    <main id="main" tabIndex={-1}>
      <h1>{t('Set up this box')}</h1>
      <p>{t('It has no password yet. Its claim code stands on the label and the console.')}</p>
      <form class="card" onSubmit={(event) => void submit(event)}>
        <Field label={t('Claim code')} value={code} set={setCode} autocomplete="one-time-code" placeholder="XXXX-XXXX" />
        <Field
          label={t('New password')}
          type="password"
          autocomplete="new-password"
          help={t('At least {n} characters. A sentence is good.', { n: leastChars })}
          fault={short ? t('{n} more characters.', { n: leastChars - password.length }) : undefined}
          value={password}
          set={setPassword}
        />
        <Field
          label={t('The same password again')}
          type="password"
          autocomplete="new-password"
          fault={differs ? t('The two are not the same.') : undefined}
          value={again}
          set={setAgain}
        />
        <Wrong problem={problem} />
        <div class="row">
          <button type="submit" class="main" disabled={code === '' || password.length < leastChars || again !== password}>
            {t('Claim this box')}
          </button>
        </div>
      </form>
      <Languages />
    </main>
  )
}

export function Login({ done }: { done: () => void }) {
  const [password, setPassword] = useState('')
  const [problem, setProblem] = useState<Problem>()
  const submit = async (event: Event) => {
    event.preventDefault()
    const answer = await post('/api/login', { password })
    if (answer.ok) done()
    else setProblem(answer.problem)
  }
  return (
    <main id="main" tabIndex={-1}>
      <h1>{t('Log in')}</h1>
      <form class="card" onSubmit={(event) => void submit(event)}>
        <Field label={t('Password')} type="password" autocomplete="current-password" value={password} set={setPassword} />
        <Wrong problem={problem} />
        <div class="row">
          <button type="submit" class="main" disabled={password === ''}>
            {t('Log in')}
          </button>
        </div>
      </form>
      <Languages />
    </main>
  )
}
