import { useState } from 'preact/hooks'
import { Choice } from './parts.tsx'
import { type Language, language, speak, t } from './words.ts'

/** How the page looks: its language, light or dark. Kept in the browser. */
export function Languages() {
  const [theme, setTheme] = useState(localStorage.getItem('theme') ?? '')
  const choose = (next: Language) => {
    speak(next)
    localStorage.setItem('language', next)
    dispatchEvent(new Event('outpost-words'))
  }
  const light = (next: string) => {
    if (next === '') {
      localStorage.removeItem('theme')
      delete document.documentElement.dataset.theme
    } else {
      localStorage.setItem('theme', next)
      document.documentElement.dataset.theme = next
    }
    setTheme(next)
  }
  return (
    <div class="row">
      <Choice
        label={t('Language')}
        value={language}
        of={[
          ['en', 'English'],
          ['de', 'Deutsch'],
        ]}
        set={choose}
      />
      <Choice
        label={t('Colours')}
        value={theme}
        of={[
          ['', t('As the device has it')],
          ['light', t('Light')],
          ['dark', t('Dark')],
        ]}
        set={light}
      />
    </div>
  )
}
