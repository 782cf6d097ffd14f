import { useState } from 'preact/hooks'
import { type Language, language, speak, t } from './words.ts'

/** How the page looks: its language, light or dark. Kept in the browser. */
export function Languages() {
  const [theme, setTheme] = useState(localStorage.getItem('theme') ?? '')
  const choose = (next: Language) => {
    speak(next)
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
      <label>
        {t('Language')}
        <select value={language} onChange={(event) => choose(event.currentTarget.value as Language)}>
          <option value="en">English</option>
          <option value="de">Deutsch</option>
        </select>
      </label>
      <label>
        {t('Colours')}
        <select value={theme} onChange={(event) => light(event.currentTarget.value)}>
          <option value="">{t('As the device has it')}</option>
          <option value="light">{t('Light')}</option>
          <option value="dark">{t('Dark')}</option>
        </select>
      </label>
    </div>
  )
}
