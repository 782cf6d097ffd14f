import { decodeUtf8 } from '../alert/clean.ts'

/** Payload: the octets of one frame, as text and as JSON for whoever asks; each is read once, however many decoders look at it. */
export class Payload {
  readonly bytes: Uint8Array
  #text: string | undefined
  #lines: readonly string[] | undefined
  #json: { value: unknown } | { why: string } | undefined

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** UTF-8, or Windows-1252 where it is not; devices pad with NUL. Without blanks at the ends. */
  get text(): string {
    this.#text ??= decodeUtf8(this.bytes).text.replaceAll('\0', ' ').trim()
    return this.#text
  }

  /** Lines without the control characters and blanks around them; empty ones are left out. At most 1,024. */
  get lines(): readonly string[] {
    this.#lines ??= this.text
      .split(/[\r\n]+/, linesLimit)
      .map(bare)
      .filter(Boolean)
    return this.#lines
  }

  /** The only line; undefined when there are several, or none. */
  get line(): string | undefined {
    return this.lines.length === 1 ? this.lines[0] : undefined
  }

  /** JSON.parse needs no stack for nesting, but may give a million levels: whoever walks the value must not recurse. */
  get json(): { value: unknown } | { why: string } {
    this.#json ??= parsed(this.text)
    return this.#json
  }

  /** The JSON object that this is; undefined for everything else, also for a list. */
  get object(): Readonly<Record<string, unknown>> | undefined {
    if (!this.text.startsWith('{') || !this.text.endsWith('}')) return undefined
    return 'value' in this.json ? (this.json.value as Record<string, unknown>) : undefined
  }
}

const linesLimit = 1024

/** Without control characters and blanks at its ends: from both ends inwards, since a pattern would begin anew at each blank of a long run. */
function bare(line: string): string {
  const isBare = (at: number) => line.charCodeAt(at) > 0x20 && line.charCodeAt(at) !== 0x7f
  let [from, to] = [0, line.length]
  while (from < to && !isBare(from)) from++
  while (to > from && !isBare(to - 1)) to--
  return line.slice(from, to)
}

function parsed(text: string): { value: unknown } | { why: string } {
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    return { why: `This is not valid JSON: ${error instanceof Error ? error.message : error}. Write like {"text":"Door open"}.` }
  }
}
