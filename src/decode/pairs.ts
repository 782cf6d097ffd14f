import { decodeUtf8 } from '../alert/clean.ts'
import type { Decoder } from './decoder.ts'
import { readingOf } from './value.ts'

/** `key=value` pairs, apart by `;`, `,`, white space or line ends; a value in double quotes may hold any of these. */
const pair = /([A-Za-z_][\w.-]{0,63})=("[^"]{0,1024}"|[^;,\s"]{0,1024})/y
const gap = /[;,\s]+/y
const pairsLimit = 256

function pairsIn(text: string): [string, string][] | undefined {
  const found: [string, string][] = []
  for (let at = 0; at < text.length; ) {
    gap.lastIndex = at
    if (gap.test(text)) at = gap.lastIndex
    if (at >= text.length) break
    pair.lastIndex = at
    const match = pair.exec(text)
    if (!match || found.length >= pairsLimit) return undefined
    at = pair.lastIndex
    found.push([match[1] ?? '', (match[2] ?? '').replace(/^"(.*)"$/s, '$1')])
  }
  return found.length > 0 ? found : undefined
}

export const pairs: Decoder = {
  name: 'pairs',
  title: 'key=value pairs',
  recognises: (bytes) => bytes.includes(0x3d) && pairsIn(decodeUtf8(bytes).text) !== undefined,
  decode: (bytes, context) => {
    const found = pairsIn(decodeUtf8(bytes).text)
    if (!found)
      return { kind: 'undecodable', why: 'These are not key=value pairs. Write them like: key=pump-3 severity=critical text="Leak in pit"' }
    return { kind: 'reading', reading: readingOf(found, context) }
  },
}
