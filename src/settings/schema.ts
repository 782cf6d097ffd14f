import { z } from 'zod'
import { isHostName } from './address.ts'
import {
  address,
  duration,
  hours,
  id,
  line,
  listen,
  mailbox,
  nameServer,
  port,
  recipients,
  recipientsLimit,
  secret,
  weekly,
} from './parts.ts'
import { answers, relay } from './relay.ts'
import { rule } from './rule.ts'
import { isFilter, source } from './source.ts'

/**
 * The settings, declared once: the check, the page's forms, docs/settings.md and the JSON Schema come from here. `{}` is valid.
 */
const site = z.strictObject({
  name: line(80).default('Outpost').meta({ title: 'Name of the site', description: 'Begins the subject of every letter.' }),
  domain: z
    .string()
    .refine(isHostName, 'Write a domain such as ps7.example.org.')
    .default('outpost.internal')
    .meta({ title: 'Domain', description: 'Addresses of this domain are mailboxes on the box.' }),
  timeZone: z.string().refine(isTimeZone, 'Write a time zone such as Europe/Berlin or UTC.').default('UTC').meta({ title: 'Time zone' }),
  language: z.enum(['en', 'de']).default('en').meta({ title: 'Language of the letters' }),
  holidays: z
    .array(z.string().regex(/^(\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'Write 12-25 for every year, or 2026-04-03.'))
    .max(400)
    .default([])
    .meta({ title: 'Holidays', description: 'Days that `holidays` in hours means: 12-25 every year, 2026-04-03 once.' }),
})

/** The broker of the box has nobody to share its own topics with. */
const isOwnFilter = (text: string): boolean => isFilter(text) && !/^\$share(\/|$)/.test(text)

const broker = z.strictObject({
  enabled: z.boolean().default(true).meta({ title: 'Embedded MQTT broker' }),
  listen: listen.default('127.0.0.1:1883').meta({ title: 'Listens on' }),
  topics: z
    .array(line(1024).refine(isOwnFilter, 'Write an MQTT topic filter such as alerts/# or zigbee2mqtt/+.'))
    .min(1)
    .max(64)
    .default(['alerts/#'])
    .meta({ title: 'Topics that are alerts', description: 'All others are only passed between its clients.' }),
  users: z
    .array(z.strictObject({ name: line(100), password: secret }))
    .max(256)
    .default([])
    .meta({ title: 'Users', description: 'Needed as soon as it listens beyond this machine.' }),
})

const person = z.strictObject({
  id,
  name: line(80).default('').meta({ title: 'Name' }),
  address: address.meta({ title: 'Address' }),
  hours: hours.optional().meta({
    title: 'Hours',
    description:
      'When this person is told, such as Mon-Fri 18:00-06:00, Sat-Sun, holidays. While none of the people of a rule is on duty, what is critical goes to all of them, and the rest waits for the first of them.',
  }),
})

const dkim = z.strictObject({
  selector: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'Write a short name of small letters, digits and hyphens, such as outpost.')
    .default('outpost')
    .meta({
      title: 'DKIM selector',
      description:
        'Letters are signed with a key that is made on the device and never leaves it; outpost doctor shows the record to publish. Another selector is another key: publish its record, then change it, and leave the old record for a week.',
    }),
  domain: z
    .string()
    .refine(isHostName, 'Write a domain such as example.org.')
    .optional()
    .meta({ title: 'DKIM domain', description: 'That of mail.from, or one above it. That of mail.from when left out.' }),
})

const mail = z.strictObject({
  from: mailbox
    .optional()
    .meta({ title: 'From', description: 'An address that your relay lets you use. Made from the site when left out.' }),
  replyTo: address.optional().meta({ title: 'Reply to' }),
  format: z.enum(['text', 'text+html']).default('text').meta({
    title: 'Format',
    description: 'text costs the fewest octets; text+html adds the same letter for light and dark screens, some 2 KB more.',
  }),
  plot: z.enum(['png', 'text', 'none']).default('none').meta({
    title: 'Values of the last day',
    description:
      'text: a line of characters. png: that line, and a small picture below the words, some 1 KB together, the picture left out when the letter would be too large.',
  }),
  json: z.boolean().default(false).meta({ title: 'Attach alert.json', description: 'The alert for machines.' }),
  maxBytes: z.int().min(2000).max(10_000_000).default(20_000).meta({
    title: 'Largest letter',
    description: 'In octets. Bounds a digest; the letter of one alert is bounded by what an alert may hold.',
  }),
  dkim: dkim.optional().meta({ title: 'DKIM', description: 'Signs letters. For route mx, or where the relay does not sign.' }),
})

const delivery = z.strictObject({
  route: z.enum(['relays', 'mx']).default('relays').meta({
    title: 'Route',
    description:
      'relays: in their order. mx: straight to the hosts of the recipient, which take mail only from a fixed address whose name leads back to it.',
  }),
  dns: z.array(nameServer).max(3).default([]).meta({
    title: 'Name servers',
    description: 'Asked in this order, for route mx; those of the system when left out.',
  }),
  port: port.default(25).meta({ title: 'Port for route mx', description: 'Other hosts take mail on 25 only.' }),
  mtaSts: z
    .boolean()
    .default(true)
    .meta({ title: 'MTA-STS', description: 'Asks the web server of each domain for its rules, and keeps to them. For route mx.' }),
  dane: z.boolean().default(false).meta({
    title: 'DANE',
    description:
      'The name servers under dns verify DNSSEC, and what they say of certificates is kept to. Best one on this machine: whoever sits between could say anything. For route mx.',
  }),
  retry: z
    .array(duration)
    .min(1)
    .max(32)
    .default(['1m', '2m', '5m', '10m', '30m', '1h'])
    .meta({ title: 'Waits between tries', description: 'The last one repeats.' }),
  keep: duration.default('5d').meta({ title: 'Keep trying for' }),
  perDay: z
    .strictObject({
      letters: z.int().min(1).default(500).meta({
        title: 'Letters a day',
        description:
          'Of the time zone of the site. When they are used up, warnings and infos wait for the next day; critical letters still leave and are counted. Without perDay there is no limit.',
      }),
      MiB: z
        .number()
        .positive()
        .default(20)
        .meta({ title: 'Octets a day', description: 'In MiB, the same way: letters and the commands around them, without TLS and TCP.' }),
    })
    .optional()
    .meta({ title: 'Budget a day' }),
  links: z
    .array(
      z.strictObject({
        interface: z
          .string()
          .regex(/^[^\s/:]{1,15}$/, 'Write the name of a network interface such as wwan0.')
          .meta({ title: 'Network interface' }),
        metered: z.boolean().default(true).meta({ title: 'Each octet costs money' }),
      }),
    )
    .max(16)
    .default([])
    .meta({
      title: 'Links',
      description: 'While the default route leads out by a metered one, large letters that are not critical wait for another.',
    }),
  meteredMaxBytes: z.int().min(1000).max(10_000_000).default(20_000).meta({
    title: 'Largest letter over a metered link',
    description:
      'In octets. A larger one waits until a link that is not metered carries the default route, or half of its keep time is over; then it leaves by whatever there is. Critical ones never wait.',
  }),
  digest: z
    .strictObject({
      from: z.int().min(0).default(5).meta({
        title: 'From so many letters',
        description: 'When at least so many waited for the same people, one digest tells them; 0: each is a letter of its own.',
      }),
    })
    .prefault({})
    .meta({ title: 'Digest after an outage' }),
})

const userName = z.string().regex(/^[a-z0-9][a-z0-9._+-]{0,63}$/, 'Write the part of the address in front of the @, in small letters.')

const box = z.strictObject({
  users: z
    .array(z.strictObject({ name: userName, password: secret.optional() }))
    .max(64)
    .default([{ name: 'operator' }])
    .meta({ title: 'Users', description: 'The first one finds the notices.' }),
  pop3: z
    .strictObject({ enabled: z.boolean().default(false), listen: listen.default('127.0.0.1:1110') })
    .prefault({})
    .meta({ title: 'POP3' }),
  keep: duration.default('30d').meta({ title: 'Keep mail for' }),
  maxMiB: z.int().min(1).max(4096).default(64).meta({ title: 'Room for mail', description: 'In MiB.' }),
})

const section = <T extends z.ZodType>(schema: T, title: string, description: string) =>
  schema.prefault({} as z.input<T>).meta({ title, description })

export const settingsSchema = z
  .strictObject({
    version: z.literal(1).default(1),
    site: section(site, 'Site', 'What the box calls itself.'),
    sources: z.array(source).max(64).default([]).meta({ title: 'Sources', description: 'Where alerts come from.' }),
    broker: section(broker, 'Broker', 'A small MQTT broker on the box; its alerts are those of source broker.'),
    people: z.array(person).max(256).default([]).meta({
      title: 'People',
      description: 'The first one is told what no rule takes. Without anybody, there is an operator on the box.',
    }),
    rules: z
      .array(rule)
      .max(256)
      .default([])
      .meta({ title: 'Rules', description: 'Tried in order; the first that matches takes the alert.' }),
    mail: section(mail, 'Mail', 'How letters look.'),
    relays: z.array(relay).max(8).default([]).meta({ title: 'Relays', description: 'Mail servers, tried in order.' }),
    delivery: section(delivery, 'Delivery', 'How often and how long a letter is tried.'),
    queue: section(
      z.strictObject({
        maxMiB: z.int().min(4).max(4096).default(64).meta({ title: 'Room for waiting alerts', description: 'In MiB.' }),
        spoolMiB: z.int().min(1).max(4096).default(64).meta({ title: 'Room for mails that are passed on', description: 'In MiB.' }),
      }),
      'Queue',
      'The journal of accepted alerts.',
    ),
    mailbox: section(box, 'Mailbox', 'Mail kept on the box.'),
    web: section(
      z.strictObject({
        listen: listen.default('0.0.0.0:8080').meta({ title: 'Listens on' }),
        tls: z.enum(['off', 'own', 'file']).default('off').meta({
          title: 'HTTPS',
          description: 'own: a certificate that the box makes; file: web/key.pem and web/cert.pem in the data directory.',
        }),
        hosts: z.array(line(253).refine(isHostName, 'Write a host name such as outpost.example.org.')).max(16).default([]).meta({
          title: 'Names',
          description: 'By which the page is opened, beside its addresses, localhost and the domain of the site.',
        }),
        securityContact: line(200)
          .refine((text) => /^(https:|mailto:|tel:)\S+$/.test(text), 'Write an address such as mailto:security@example.org.')
          .optional()
          .meta({ title: 'Whom to tell of a weakness', description: 'For /.well-known/security.txt (RFC 9116).' }),
      }),
      'Web page',
      'The local page.',
    ),
    answers: answers.optional().meta({
      title: 'Answers',
      description:
        'The mailbox of mail.from, where answers and delivery reports arrive. Letters then bear a code, and people may answer ACK, SILENCE 2h or STATUS. Headers first; nothing is deleted.',
    }),
    reports: z
      .strictObject({
        weekly: weekly.default('Mon 08:00').meta({
          title: 'Weekly letter',
          description:
            'That the box is alive, what came in, and that nothing is lost. Within ten minutes after it: not all boxes write in the same second.',
        }),
        to: recipients
          .max(recipientsLimit)
          .default([])
          .meta({ title: 'To', description: 'Whom the rules name for source outpost when left out.' }),
      })
      .optional()
      .meta({ title: 'Reports', description: 'Letters of the box about itself: weekly, and after it was off without a goodbye.' }),
  })
  .meta({ title: 'Outpost settings', description: 'settings.json, version 1' })

export type Settings = z.infer<typeof settingsSchema>
export type { SourceSettings } from './source.ts'

/** The settings with everything filled in that depends on other settings. */
export type EffectiveSettings = Settings & { mail: Settings['mail'] & { from: string } }

export function effective(settings: Settings): EffectiveSettings {
  const { site: place, people, mail: letters, mailbox: own } = settings
  return {
    ...settings,
    people: people.length > 0 ? people : [{ id: 'operator', name: 'Operator on site', address: `operator@${place.domain}` }],
    mail: { ...letters, from: letters.from ?? `${place.name.replace(/[<>"\\]/g, '')} <outpost@${place.domain}>` },
    mailbox: { ...own, users: own.users.length > 0 ? own.users : [{ name: 'operator' }] },
  }
}

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}
