import { useState } from 'preact/hooks'
import { type Line, useLive } from './live.ts'
import { Deed, hexOf, Scroll, textOf } from './parts.tsx'
import { clockTime, t } from './words.ts'

/** Lines as they are heard, newest first; control octets can be seen. */
export function Lines({
  source,
  limit = 20,
  tools = false,
  choose,
}: {
  source?: string
  limit?: number
  tools?: boolean
  choose?: (line: Line) => void
}) {
  const { lines, missed } = useLive()
  const [paused, setPaused] = useState<readonly Line[]>()
  const [hex, setHex] = useState(false)
  const heard = (paused ?? lines)
    .filter((line) => source === undefined || line.source === source)
    .slice(-limit)
    .reverse()
  const shown = (line: Line) => (hex ? hexOf(line.bytes) : textOf(line.bytes))
  return (
    <>
      {tools && (
        <div class="row">
          <button type="button" aria-pressed={paused !== undefined} onClick={() => setPaused(paused ? undefined : lines)}>
            {paused ? t('Go on') : t('Pause')}
          </button>
          <button type="button" aria-pressed={hex} onClick={() => setHex(!hex)}>
            {t('Hex')}
          </button>
          <Deed deed={() => navigator.clipboard?.writeText(heard.map(shown).join('\n'))}>{t('Copy')}</Deed>
        </div>
      )}
      {heard.length === 0 ? (
        <p class="soft">{t('Nothing was heard yet.')}</p>
      ) : (
        <Scroll kind="lines" label={t('Lines, newest first')}>
          <ol>
            {heard.map((line) => (
              <li key={line.number}>
                <span class="soft">{clockTime(line.at)}</span> <b>{source === undefined ? line.source : ''}</b>{' '}
                {line.topic !== undefined && <span class="soft">{line.topic} </span>}
                {shown(line)}
                {line.length > 512 && '…'}{' '}
                <span class={line.outcome === 'accepted' ? 'good' : line.outcome === 'refused' ? 'bad' : 'off'}>
                  {line.outcome === 'accepted' ? `✓ ${line.decoder}` : line.outcome === 'refused' ? `✗ ${line.why}` : `· ${line.why}`}
                </span>
                {choose && (
                  <button type="button" onClick={() => choose(line)}>
                    {t('Make a rule from this line')}
                  </button>
                )}
              </li>
            ))}
          </ol>
        </Scroll>
      )}
      {missed > 0 && <p class="soft small">{t('{n} lines came too fast to be shown; the box has them all.', { n: missed })}</p>}
    </>
  )
}
