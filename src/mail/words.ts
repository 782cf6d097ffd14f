/** RFC 2047 encoded words (UTF-8, as this gateway writes them) as text. A character may be split over neighbours, so runs are joined first. */
export const decodeWords = (value: string): string =>
  value
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/(?:=\?utf-8\?[BQ]\?[^?]*\?=)+/gi, (run) =>
      Buffer.concat([...run.matchAll(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi)].map(([, kind = '', text = '']) => octets(kind, text))).toString(),
    )

const octets = (kind: string, text: string): Buffer =>
  kind.toUpperCase() === 'B'
    ? Buffer.from(text, 'base64')
    : Buffer.from(
        text.replaceAll('_', ' ').replace(/=([0-9A-Fa-f]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16))),
        'latin1',
      )
