/** Encoded words (RFC 2047) as text, of any character set that the runtime knows. */
const oneWord = '=\\?[\\w-]{1,40}(?:\\*[\\w-]*)?\\?[BQ]\\?[^?]*\\?='
/** Blanks between encoded words are none of the text (RFC 2047 section 6.2); those beside another word are. */
const runPattern = new RegExp(`${oneWord}(?:\\s*${oneWord})*`, 'gi')
const wordPattern = /=\?([\w-]{1,40})(?:\*[\w-]*)?\?([BQ])\?([^?]*)\?=/gi

/** A character may be split over neighbours of one character set, so those are joined first. */
export const decodeWords = (value: string): string =>
  value.replace(runPattern, (run) => {
    const pieces: { charset: string; octets: Buffer[] }[] = []
    for (const [, charset = '', kind = '', text = ''] of run.matchAll(wordPattern)) {
      const last = pieces.at(-1)
      const octets = kind.toUpperCase() === 'B' ? Buffer.from(text, 'base64') : quoted(text.replaceAll('_', ' '))
      if (last?.charset === charset.toLowerCase()) last.octets.push(octets)
      else pieces.push({ charset: charset.toLowerCase(), octets: [octets] })
    }
    return pieces.map(({ charset, octets }) => textIn(Buffer.concat(octets), charset)).join('')
  })

/** `=C3=BC` as octets; what is no such thing stays. */
export const quoted = (text: string): Buffer =>
  Buffer.from(
    text.replace(/=([0-9A-Fa-f]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16))),
    'latin1',
  )

/** Octets as text; a character set that nobody knows is read as UTF-8, and what is broken becomes U+FFFD. */
export function textIn(octets: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(octets)
  } catch {
    return new TextDecoder().decode(octets)
  }
}
