import { de } from './de.ts'

/** The words of the page: English as it stands in the code, and its German. An unknown word does not compile. */
export type Word = keyof typeof de
export type Language = 'en' | 'de'

export let language: Language = (localStorage.getItem('language') ?? navigator.language).startsWith('de') ? 'de' : 'en'

export function speak(next: Language): void {
  language = next
  document.documentElement.lang = next
}

/** `t("{n} mails wait.", { n: 3 })` */
export function t(word: Word, values: Readonly<Record<string, string | number>> = {}): string {
  const text = language === 'de' ? de[word] : word
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''))
}

/** `count('{n} letters wait, oldest first.', 1)` is what stands in the singular for it. */
export const count = (word: Word & keyof typeof one, n: number): string => t(n === 1 ? one[word] : word, { n })

const one = {
  '{n} letters wait, oldest first.': 'One letter waits.',
} as const satisfies Partial<Record<Word, Word>>

/** How long, roughly. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 100) return `${seconds} s`
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} ${t('days')}`
}

export const clockTime = (ms: number): string =>
  new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms)

export const dateTime = (ms: number): string => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(ms)

export const date = (ms: number): string => new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(ms)

export const bytesOf = (count: number): string =>
  count < 10_000
    ? `${count} B`
    : count < 10_000_000
      ? `${new Intl.NumberFormat(language).format(Math.round(count / 1000))} kB`
      : `${new Intl.NumberFormat(language).format(Math.round(count / 1_000_000))} MB`
