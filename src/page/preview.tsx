import { useEffect, useState } from 'preact/hooks'
import { ask, type Problem } from './api.ts'
import { Field, Scroll, Wrong } from './parts.tsx'
import { t } from './words.ts'

/** What becomes of a sample, made by the code that makes the real mail. */
type Seen = {
  decoder: string
  reading?: Record<string, unknown>
  why?: string
  others: { rule: string; why: string }[]
  ignored?: string
  rule?: string
  to?: string[]
  kept?: string
  mail?: string
}

export function Preview({
  source,
  settings,
  start = '',
  topic,
}: {
  source: string
  settings: unknown
  start?: string
  topic?: string | undefined
}) {
  const [sample, setSample] = useState(start)
  const [seen, setSeen] = useState<Seen>()
  const [problem, setProblem] = useState<Problem>()
  const key = JSON.stringify(settings)
  useEffect(() => {
    if (sample === '') return setSeen(undefined)
    const timer = setTimeout(async () => {
      const answer = await ask<Seen>('POST', '/api/preview', {
        source,
        sample: octets(sample),
        ...(topic === undefined ? {} : { topic }),
        ...(settings === undefined ? {} : { settings }),
      })
      if (answer.ok) setSeen(answer.value)
      setProblem(answer.problem)
    }, 350)
    return () => clearTimeout(timer)
  }, [sample, source, topic, key])
  return (
    <>
      <Field
        label={t('Sample')}
        help={t('As the device sends it; control octets as \\x14 or \\r\\n')}
        rows={3}
        value={sample}
        set={setSample}
      />
      <Wrong problem={problem} />
      {seen && !problem && (
        <>
          <p>
            {t('Read as {decoder}.', { decoder: seen.decoder })} {seen.why ?? seen.ignored ?? ''}
          </p>
          {seen.to && (
            <p>
              <strong>
                {seen.rule === undefined
                  ? t('No rule takes it: the first person is told.')
                  : t('Rule {rule} takes it.', { rule: seen.rule })}
              </strong>{' '}
              {t('To: {to}', { to: seen.to.join(', ') })}
            </p>
          )}
          {seen.others.length > 0 && (
            <ul class="small">
              {seen.others.map((one) => (
                <li key={one.rule}>
                  {t('Not {rule}', { rule: one.rule })}: {one.why}
                </li>
              ))}
            </ul>
          )}
          {seen.reading && <Scroll label={t('Text')}>{JSON.stringify(seen.reading, null, 1)}</Scroll>}
          {seen.mail && <Scroll label={t('The whole mail')}>{seen.mail.replaceAll('\r\n', '\n')}</Scroll>}
        </>
      )}
    </>
  )
}

/** `\x14`, `\r`, `\n` and `\t` as what they mean. */
const octets = (text: string): string =>
  text.replace(/\\(x[0-9a-f]{2}|[rnt\\])/gi, (_, mark: string) => {
    const named: Record<string, string> = { r: '\r', n: '\n', t: '\t', '\\': '\\' }
    return named[mark] ?? String.fromCharCode(Number.parseInt(mark.slice(1), 16))
  })

/** The other way round, for a sample that is kept. */
export const written = (text: string): string =>
  text.replace(/[\u0000-\u001f\\]/g, (char) =>
    char === '\\'
      ? '\\\\'
      : char === '\r'
        ? '\\r'
        : char === '\n'
          ? '\\n'
          : char === '\t'
            ? '\\t'
            : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
