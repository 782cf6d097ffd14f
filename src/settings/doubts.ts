import type { Finding } from './finding.ts'
import type { Settings } from './schema.ts'

/** Settings that are valid, and do what hardly anybody means. */
export function doubts(settings: Settings): Finding[] {
  return [...lockedOut(settings), ...chatty(settings)]
}

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
