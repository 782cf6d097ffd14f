import type { Alert } from '../alert/alert.ts'
import { type BodyFacts, ledgerOf, rowsOf } from './body.ts'
import { severityWord, wordsOf } from './say.ts'

/** HTML: the same letter for whoever reads it so: light and dark, 320 px wide and more, nothing from elsewhere. */
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (one) => escapes[one] ?? one)

const colours = { critical: '#c8102e', warning: '#b26a00', info: '#2b7de9', over: '#1a7f37' } as const

const style =
  'body{margin:0;padding:12px;font:16px/1.4 system-ui,sans-serif;color:#1c2128;background:#fff}' +
  'h1{font-size:19px;margin:0;white-space:pre-wrap;overflow-wrap:anywhere}' +
  'p{margin:0 0 8px}.b{border-left:6px solid;padding:4px 0 4px 10px;margin-bottom:12px}' +
  'table{border-collapse:collapse;margin-bottom:12px}td{padding:3px 0;vertical-align:top;overflow-wrap:anywhere}' +
  'td:first-child{color:#59636e;padding-right:12px;overflow-wrap:normal}.n{color:#59636e;font-size:13px}' +
  '@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#12161c}td:first-child,.n{color:#9aa4af}}'

/** More is a page of words and no heading. */
const headingChars = 200

const parted = (words: string): [heading: string, rest: string] => {
  const [first = '', ...more] = words.split('\n')
  return first.length > headingChars ? ['', words] : [first, more.join('\n').trim()]
}

export function htmlOf(alert: Alert, about: BodyFacts, words = alert.text): string {
  const { site, delay } = about
  const say = wordsOf(site.language)
  const isOver = alert.state === 'cleared'
  const mark = isOver ? say.cleared : severityWord(alert.severity, site.language)
  const [heading, rest] = parted(words)
  const rows = rowsOf(alert, about).map(([name, value]) => `<tr><td>${escaped(name)}</td><td>${escaped(value)}</td></tr>`)
  return [
    `<!doctype html><html lang="${site.language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
    `<meta name="color-scheme" content="light dark"><title>${escaped(site.name)}</title><style>${style}</style></head><body>`,
    `<div class="b" style="border-color:${isOver ? colours.over : colours[alert.severity]}"><p class="n">${escaped(`${site.name} · ${mark}`)}</p>`,
    ...(heading === '' ? [] : [`<h1>${escaped(heading)}</h1>`]),
    ...(rest === '' ? [] : [`<p style="margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere">${escaped(rest)}</p>`]),
    '</div>',
    `<table>${rows.join('')}</table>`,
    ...(delay ? [`<p>${escaped(delay.sentence)}</p>`] : []),
    `<p class="n">${escaped(ledgerOf(alert, about))}</p></body></html>`,
  ].join('\n')
}
