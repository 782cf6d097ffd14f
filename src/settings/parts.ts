import { z } from 'zod'
import { isWeekly, parseHours } from '../rules/hours.ts'
import { parseRate } from '../rules/rule.ts'
import { isAddress, isHost, isListen, isMailbox, isNameServer } from './address.ts'
import { isDuration } from './duration.ts'

/** The small pieces that the sections of the settings share. Each refusal says what to write instead. */
export const id = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'Write a short name of small letters, digits and hyphens, such as pump-3.')
export const line = (max = 200) =>
  z
    .string()
    .max(max, `Write at most ${max} characters.`)
    .refine((text) => !/[\u0000-\u001f\u007f]/.test(text), 'Write one line without control characters.')
export const duration = z.string().refine(isDuration, 'Write a number with s, m, h or d, such as 30s, 15m, 4h or 5d.')
export const address = z.string().refine(isAddress, 'Write a mail address such as ops@example.org.')
export const mailbox = z.string().refine(isMailbox, 'Write a mail address, or Name <address>, such as Pump station 7 <ps7@example.org>.')
export const host = z.string().refine(isHost, 'Write a host name such as smtp.example.org, or an address.')
export const listen = z.string().refine(isListen, 'Write address:port, such as 127.0.0.1:1883.')
export const nameServer = z.string().refine(isNameServer, 'Write the address of a name server, such as 192.0.2.53 or 192.0.2.53:53.')
export const port = z.int('Write a whole number.').min(1, 'Write a port from 1 to 65535.').max(65535, 'Write a port from 1 to 65535.')
export const secret = z
  .strictObject({ secret: line(100) }, 'Write { "secret": "name" } and put the value under that name into secrets.json.')
  .meta({ secret: true })
export const fingerprint = z
  .string()
  .refine(
    (text) => /^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$|^[0-9A-Fa-f]{64}$/.test(text),
    'Write the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, with or without colons. outpost doctor shows it.',
  )
export const severity = z.enum(['critical', 'warning', 'info'])
export const path = line(4096).refine((text) => text.length > 0, 'Write a path.')
export const hours = line(200).refine(
  (text) => typeof parseHours(text) === 'object',
  'Write days and times such as Mon-Fri 18:00-06:00, Sat-Sun, holidays, or Mon-Fri 08:00-17:00 not holidays.',
)
export const rate = line(20).refine(
  (text) => parseRate(text) !== undefined,
  'Write a number from 1 to 200 and a span, such as 20/h or 5/10m.',
)
export const weekly = line(20).refine(isWeekly, 'Write a day and a time, such as Mon 08:00.')

export const recipients = z.array(
  z.string().refine((text) => isAddress(text) || /^[a-z0-9][a-z0-9-]{0,39}$/.test(text), 'Write the id of a person, or a mail address.'),
)
/** One letter's recipients are 32 bits in the index of what waits. */
export const recipientsLimit = 32
