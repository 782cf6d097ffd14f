import { decoders } from './registry.ts'

/** docs/decoders.md, made from the decoders themselves and what each gives as its sample. */
export function decodersMarkdown(): string {
  const lines = [
    '# Decoders',
    '',
    'What `decode` of a source may name. `auto`, the default, asks them in this order; what is nothing else is text, so nothing is lost because nobody knows it. `npm run docs` writes this',
    'table anew. Made into alerts, they have the names `id key state severity text value unit at`; whatever else a device says becomes a field, for rules and templates.',
    'A frame may say several things, such as a door that is closed and a battery that is low. The worst is told whenever it is said; the rest is told while that is news: what is raised and was',
    'not, what is over and was raised. The journal knows what was, also after a restart; the frame is acknowledged when all of it is on the disk.',
    '`outpost preview --source ID < sample` shows what becomes of yours, and `outpost sniff --path DEVICE` guesses rate, frame and decoder of a line.',
    '',
    '| decode | for | a sample |',
    '|---|---|---|',
    ...decoders.map(({ name, title, sample }) => `| \`${name}\` | ${cell(title)} | ${sample ? shown(sample) : ''} |`),
  ]
  return `${lines.join('\n')}\n`
}

/** In one line, short, with control octets as they would be written in JSON. */
function shown({ text, topic }: { text: string; topic?: string }): string {
  const line = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')
  const short = line.length > longest ? `${line.slice(0, longest)}…` : line
  return `${topic ? `\`${topic}\` ` : ''}\`${cell(short)}\``
}

const longest = 90
const cell = (value: string): string => value.replaceAll('<', '\\<').replaceAll('|', '\\|').replaceAll('`', "'")
