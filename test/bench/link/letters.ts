import { createHash } from 'node:crypto'
import { digestOf, type Told } from '../../../src/mail/digest.ts'
import type { Letter } from '../../../src/mail/letter.ts'
import { type Field, message } from '../../../src/mail/message.ts'
import { instant } from '../../../src/ports/clock.ts'

/** What every client is given: letters of 2 KB, one recipient each, the same octets for the same name. */
export const letterOctets = 2048
export const sender = 'ps7@example.org'
export const recipient = 'ops@example.org'

/** As the gateway names its letters: by the place in the journal and the device, which here stands for the run. */
const messageIdOf = (tag: string, n: number): string => `<o${n}.${deviceOf(tag)}@ps7.example.org>`
const deviceOf = (tag: string): string => createHash('sha256').update(tag).digest('hex').slice(0, 16)
export const isOf = (tag: string): ((messageId: string) => boolean) => {
  const end = `.${deviceOf(tag)}@ps7.example.org>`
  return (messageId) => messageId.endsWith(end)
}

export function letterOf(tag: string, n: number): Letter {
  const messageId = messageIdOf(tag, n)
  const head = [
    `From: Pump station 7 <${sender}>`,
    `To: Ops desk <${recipient}>`,
    `Subject: Pump station 7: WARNING: pump ${n} at ${60 + (n % 40)} C`,
    'Date: Tue, 24 Nov 2026 04:12:00 +0100',
    `Message-ID: ${messageId}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    'Auto-Submitted: auto-generated',
    '',
    '',
  ].join('\r\n')
  const lines: string[] = []
  // Lines of 64 octets with their end; the last one fills up to the octet.
  for (let left = letterOctets - head.length; left > 0; left -= 64) {
    const length = left < 128 ? left : 64
    lines.push(`${lines.length}: ${'pressure 4.1 bar, level 2.30 m, flow 11.7 l/s; '.repeat(3)}`.slice(0, length - 2))
    if (length !== 64) break
  }
  return { id: n, messageId, from: sender, to: [recipient], content: Buffer.from(`${head}${lines.join('\r\n')}\r\n`, 'latin1') }
}

/** 50 alerts that waited for nine hours, as the gateway tells them in one letter: some came and went, some are still active. */
export function digestLetterOf(tag: string): Letter {
  const began = Date.UTC(2026, 10, 24, 2)
  const told = Array.from({ length: 50 }, (_, index): Told => {
    const pump = index % 20
    const state = index < 20 ? 'raised' : index < 30 ? 'cleared' : 'event'
    const text =
      state === 'event' ? `flow ${index} l/s is low at gate ${index}` : `pump ${pump} ${state === 'raised' ? 'overtemp' : 'is cool again'}`
    const about = { id: index + 1, number: index + 1, source: 'plc', severity: 'warning' as const, state: state as Told['state'], text }
    return { ...about, key: `pump-${pump}`, at: instant(began + index * 600_000), certain: true }
  })
  const site = { name: 'Pump station 7', timeZone: 'Europe/Berlin', language: 'en' as const }
  const { subject, text } = digestOf(told, { site, maxChars: 10_000 })
  const messageId = messageIdOf(tag, 1)
  const fields: Field[] = [
    ['From', [{ name: 'Pump station 7', address: sender }]],
    ['To', [{ name: 'Ops desk', address: recipient }]],
    ['Subject', subject],
    ['Date', 'Tue, 24 Nov 2026 12:12:00 +0100'],
    ['Message-ID', messageId],
    ['Auto-Submitted', 'auto-generated'],
  ]
  return { id: 1, messageId, from: sender, to: [recipient], content: message([], fields, text) }
}
