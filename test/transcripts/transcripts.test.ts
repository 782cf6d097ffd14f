import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Login } from '../../src/relay/login/login.ts'
import type { KnownSkills, Skill } from '../../src/relay/traits.ts'
import { letter, replay } from '../relay/replay.ts'

/**
 * What real servers say, replayed through the dialogue. A file is a story (`C:` must be said, `S:` is answered; see replay.ts) under a head of
 * `# key: value` lines:
 *
 *     server    name and version
 *     origin    recorded from what, or documented where
 *     quirk     what is odd about it
 *     letters   recipients of each letter, letters apart by `;` (every letter has 21 octets of content)
 *     known     what earlier flights learned, such as `chunking, pipelining, -together`
 *     login     `password` or `token`; none when left out
 *     outcome   `1 a@example.org delivered`, one line each; none when no letter was settled
 *     fault     stage of the fault, with `hold` or `again` behind it; none when left out
 *     learned   what this flight learned, as under `known`
 */
const keys = ['server', 'origin', 'quirk', 'letters', 'known', 'login', 'outcome', 'fault', 'learned'] as const
type Head = Partial<Record<(typeof keys)[number], string[]>>

const dir = new URL('.', import.meta.url).pathname
const files = readdirSync(dir).filter((name) => name.endsWith('.txt'))

const logins: Readonly<Record<string, Login>> = {
  password: { kind: 'password', user: 'ps7@example.org', password: 'hunter22' },
  token: { kind: 'token', user: 'ps7@example.org', token: 'ya29.token' },
}

function read(name: string): { head: Head; story: string } {
  const head: Head = {}
  const lines = readFileSync(`${dir}${name}`, 'utf8').split('\n')
  for (const line of lines.filter((one) => one.startsWith('#'))) {
    const [, key = '', value = ''] = /^# (\w+): +(.*)$/.exec(line) ?? []
    assert.ok(keys.includes(key as never), `${name}: the head does not know "${line}"`)
    const known = key as (typeof keys)[number]
    head[known] = [...(head[known] ?? []), value]
  }
  return { head, story: lines.filter((line) => !line.startsWith('#')).join('\n') }
}

const skillsIn = (text: string | undefined): KnownSkills =>
  Object.fromEntries(
    (text ?? '')
      .split(/, */)
      .filter(Boolean)
      .map((word): [Skill, boolean] => [word.replace('-', '') as Skill, !word.startsWith('-')]),
  )

for (const name of files)
  test(`${name}: ${read(name).head.quirk?.[0] ?? ''}`, () => {
    const { head, story } = read(name)
    const { server, origin, quirk, letters = [''], known, login, outcome = [], fault, learned } = head
    assert.ok(server && origin && quirk, 'the head says which server, from where, and what is odd about it')
    assert.ok(outcome.length > 0 || fault, 'the head says what must come of it')
    const waiting = (letters[0] ?? '').split(/; */).map((to, index) => letter(index + 1, to.split(/, */)))
    const told = replay(story, waiting, {
      known: skillsIn(known?.[0]),
      login: logins[login?.[0] ?? ''] ?? { kind: 'none' },
      loopback: true,
    })
    const outcomes = Object.entries(told.outcomes).map(([who, { kind }]) => `${who} ${kind}`)
    assert.deepEqual(outcomes.sort(), [...outcome].sort())
    const { stage, hold, again } = told.fault ?? {}
    assert.equal(stage && [stage, ...(hold ? ['hold'] : []), ...(again ? ['again'] : [])].join(' '), fault?.[0], told.fault?.why)
    assert.deepEqual(told.learned, skillsIn(learned?.[0]))
  })

test('there is a transcript of every kind of server that is met', () => {
  for (const server of ['postfix', 'exim', 'opensmtpd', 'sendmail', 'exchange-online', 'gmail', 'haraka', 'appliance', 'proxy'])
    assert.ok(
      files.some((name) => name.startsWith(server)),
      server,
    )
})
