import { z } from 'zod'
import { conditionFault } from '../rules/condition.ts'
import { patternFault } from '../rules/match.ts'
import { duration, hours, id, line, rate, recipients, recipientsLimit, severity } from './parts.ts'

/** One for all languages, or one for each. */
const template = (max: number) => {
  const text = z.string().max(max, `Write at most ${max} characters.`)
  return z.union([text, z.strictObject({ en: text.optional(), de: text.optional() })], `Write a text, or { "en": "…", "de": "…" }.`)
}

/** What a source sent once, and what the rule is to make of it. */
const sample = z.strictObject({
  source: id.meta({ title: 'Source', description: 'Of the settings, or of the box itself: broker, sendmail, api, page, outpost.' }),
  topic: line(1024).optional().meta({ title: 'Topic', description: 'For MQTT.' }),
  sent: z.string().min(1).max(4096).meta({ title: 'Sent', description: 'As the device sends it; \\x14, \\r and \\n may be written.' }),
  taken: z.boolean().default(true).meta({ title: 'The rule takes it', description: 'false: it must not.' }),
  expect: z
    .strictObject({
      text: line(500).optional(),
      key: line(200).optional(),
      severity: severity.optional(),
      state: z.enum(['raised', 'cleared', 'event']).optional(),
      value: z.number().optional(),
      unit: line(20).optional(),
    })
    .optional()
    .meta({ title: 'Read as', description: 'What the alert must say; names that are left out may be anything.' }),
})

/** Who hears of what, when and how often. */
export const rule = z.strictObject({
  id,
  when: z
    .strictObject({
      source: id
        .optional()
        .meta({ title: 'Source', description: 'Of the settings, or of the box itself: broker, sendmail, api, page, outpost.' }),
      key: line(200).optional().meta({ title: 'Key', description: '* stands for anything, ? for one character.' }),
      severity: severity.optional().meta({ title: 'Severity', description: 'This or worse.' }),
      text: line(500)
        .refine(
          (text) => patternFault(text) === undefined,
          'Write a pattern that RE2 knows and that is not huge: no look-ahead, no back-references.',
        )
        .optional()
        .meta({ title: 'Text', description: 'A regular expression (RE2).' }),
      field: line(500)
        .refine(
          (text) => conditionFault(text) === undefined,
          'Write a condition such as value > 80, or temperature >= 30 and not (door == "open").',
        )
        .optional()
        .meta({
          title: 'Condition on a field',
          description:
            'Such as value > 80. A rule with one is about a level: the first alert for which it holds raises it, those that follow say nothing new, and the first for which it does not hold is the recovery. An alert without the field is for other rules.',
        }),
    })
    .prefault({})
    .meta({ title: 'When' }),
  to: recipients
    .min(1, 'Name at least one person or address.')
    .max(recipientsLimit, `Name at most ${recipientsLimit}; use a list address for more.`)
    .meta({ title: 'To' }),
  continue: z.boolean().default(false).meta({ title: 'Ask later rules, too', description: 'They only add their people.' }),
  hold: duration.optional().meta({
    title: 'Must last for',
    description: 'What is over sooner is told to nobody, but named by its number in the next letter.',
  }),
  clearBelow: z.number().optional().meta({ title: 'Cleared below', description: 'Between here and the condition it stays as it is.' }),
  clearAbove: z.number().optional().meta({ title: 'Cleared above' }),
  repeat: z
    .array(duration)
    .min(1)
    .max(16)
    .optional()
    .meta({ title: 'Repeat while it lasts', description: 'Waits between reminders until somebody acknowledges it; the last one repeats.' }),
  group: z
    .strictObject({
      by: z
        .array(line(100))
        .max(8)
        .default([])
        .meta({ title: 'Alike in', description: 'key, source, severity, state, topic or the name of a field; nothing: all of the rule.' }),
      wait: duration.default('30s').meta({ title: 'Wait for others' }),
      interval: duration.default('5m').meta({ title: 'Next letter not before' }),
    })
    .optional()
    .meta({ title: 'Grouping' }),
  escalate: z
    .strictObject({
      after: duration.meta({ title: 'After' }),
      to: recipients.min(1).max(recipientsLimit).meta({ title: 'To' }),
    })
    .optional()
    .meta({ title: 'Escalation', description: 'Who is told, too, when nobody has acknowledged it in time.' }),
  limit: rate
    .optional()
    .meta({ title: 'Limit', description: 'Letters in a span, such as 20/h or 5/10m; more are told together when it is over.' }),
  chatter: rate.optional().meta({
    title: 'Chatter',
    description: 'Raised more often than this, such as 6/10m, it chatters: what follows is told together once it was calm for that span.',
  }),
  inhibitedBy: z.array(id).max(16).optional().meta({
    title: 'Explained by',
    description: 'Ids of other rules; while one of them is raised, such as a power failure, this one keeps what it hears for a summary.',
  }),
  hours: hours
    .optional()
    .meta({ title: 'Hours', description: 'When it is told, unless it is critical. Such as Mon-Fri 07:00-17:00 not holidays.' }),
  subject: template(200).optional().meta({
    title: 'Subject',
    description:
      'Words with placeholders such as {{site}}: {{text}} {{value}} {{unit}}, or { en, de }. Known: site, severity, text, value, unit, key, source, topic, state, time, number, since, duration, count, merged, fields.NAME.',
  }),
  body: template(4000)
    .optional()
    .meta({ title: 'Text', description: 'The same for the first words of the letter, in place of those of the alert.' }),
  samples: z
    .array(sample)
    .max(32)
    .optional()
    .meta({ title: 'Samples', description: 'outpost check tries each and says which goes another way.' }),
  recovery: z.boolean().optional().meta({ title: 'Tell the recovery', description: 'On unless it says false; only of what was told.' }),
})
