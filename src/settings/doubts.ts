import { isLoopbackHost } from './address.ts'
import type { Finding } from './finding.ts'
import { sharedSources } from './own-sources.ts'
import type { Settings } from './schema.ts'
import { shareOf } from './source.ts'

/** Settings that are valid, and do what hardly anybody means. */
export function doubts(settings: Settings): Finding[] {
  return [...mixed(settings), ...lockedOut(settings), ...unheard(settings), ...chatty(settings), ...shared(settings)]
}

/** A source whose name is that of one which Outpost has by itself. */
const mixed = ({ sources }: Settings): Finding[] =>
  sources.flatMap(({ id }, index): Finding[] =>
    sharedSources.includes(id)
      ? [
          {
            path: `sources[${index}].id`,
            what: `Outpost itself has a source ${id} (${whatComes[id]}): rules do not tell the two apart, and they share their numbers.`,
            write: 'Choose another id, here and in the rules that name it.',
            level: 'note',
          },
        ]
      : [],
  )

const whatComes: Readonly<Record<string, string>> = {
  sendmail: 'mail of cron, smartd and the like',
  api: 'what machines post to /api/alerts',
  page: 'what is sent from the page',
}

/** A door for mail that nobody but this machine may use. */
const unheard = ({ sources }: Settings): Finding[] =>
  sources.flatMap((source, index): Finding[] =>
    source.kind === 'smtp' && !isLoopbackHost(source.listen.replace(/:\d+$/, '')) && source.allow.length === 0 && source.users.length === 0
      ? [
          {
            path: `sources[${index}].allow`,
            what: 'It listens for others, and none of them may send: no network is allowed, and there are no users.',
            write: 'Name the networks of the devices under allow, such as 192.168.0.0/16, or give users.',
            level: 'note',
          },
        ]
      : [],
  )

/** Users of a mailbox that nobody can open. */
const lockedOut = ({ mailbox: { users, pop3 } }: Settings): Finding[] =>
  users.flatMap((user, index): Finding[] =>
    pop3.enabled && !user.password
      ? [
          {
            path: `mailbox.users[${index}].password`,
            what: `Without a password nobody reads the mail of ${user.name} over POP3.`,
            write: `Write "password": { "secret": "mailbox:${user.name}" }, and give that secret a value.`,
            level: 'note',
          },
        ]
      : [],
  )

function chatty({ sources, rules }: Settings): Finding[] {
  return sources.flatMap((source, index): Finding[] => {
    if (source.kind !== 'modbus') return []
    const levels = rules.some(({ when }) => when.field !== undefined && (when.source ?? source.id) === source.id)
    const numbers = source.read.filter(({ table }) => table === 'holding' || table === 'input')
    if (levels || numbers.length === 0) return []
    return [
      {
        path: `sources[${index}].read`,
        what: `No rule of ${source.id} has a condition, so every change of ${numbers[0]?.name} is a letter.`,
        write: 'Add a rule with when.field such as value > 80.',
        level: 'note',
      },
    ]
  })
}

/** What a group of boxes that share topics cannot do, each of them hearing only a part (docs/fleet.md). */
function shared({ sources, rules }: Settings): Finding[] {
  return sources.flatMap((source, index): Finding[] => {
    if (source.kind !== 'mqtt' || !source.topics.some((topic) => shareOf(topic))) return []
    const say = (path: string, what: string, write: string): Finding => ({ path, what, write, level: 'note' })
    const found: Finding[] = []
    if (source.clientId !== undefined)
      found.push(
        say(
          `sources[${index}].clientId`,
          'Two boxes of the group with the same client id throw each other out for ever.',
          'Leave it out where settings are copied from box to box: it is made from the device id then.',
        ),
      )
    if (source.retained === 'accept')
      found.push(
        say(
          `sources[${index}].retained`,
          'What is retained is not sent to a shared subscription.',
          'Name topics whose retained messages are wanted without $share/, in a source of one box.',
        ),
      )
    if (source.qos === 0)
      found.push(say(`sources[${index}].qos`, 'What is on its way to a box that stops is lost.', 'Write "qos": 2, or 1.'))
    for (const [at, rule] of rules.entries()) {
      const remembers = remembering.find((name) => rule[name] !== undefined)
      if (remembers === undefined || (rule.when.source ?? source.id) !== source.id) continue
      found.push(
        say(
          `rules[${at}].${remembers}`,
          `What one box of the group hears raised, another may hear cleared, so the rule ${rule.id} does not see how things stand.`,
          `Let ${source.id} bring events only, or give each box topics of its own for what is raised and cleared.`,
        ),
      )
    }
    return found
  })
}

/** What a rule does that wants to hear both that something began and that it is over. */
const remembering = ['hold', 'repeat', 'escalate', 'clearBelow', 'clearAbove', 'inhibitedBy', 'chatter'] as const
