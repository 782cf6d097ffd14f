import { isLoopbackHost } from './address.ts'
import type { Finding } from './finding.ts'
import type { Settings } from './schema.ts'

/** Settings that are valid, and do what hardly anybody means. */
export function doubts(settings: Settings): Finding[] {
  return [...lockedOut(settings), ...unheard(settings), ...chatty(settings)]
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
