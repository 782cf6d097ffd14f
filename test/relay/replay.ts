import assert from 'node:assert/strict'
import type { Letter } from '../../src/mail/letter.ts'
import type { Answer } from '../../src/relay/dialogue/ask.ts'
import { dialogue } from '../../src/relay/dialogue/dialogue.ts'
import type { Hello } from '../../src/relay/dialogue/session.ts'
import type { Fault, Outcome } from '../../src/relay/outcome.ts'
import { ReplyReader } from '../../src/relay/reply.ts'
import type { KnownSkills } from '../../src/relay/traits.ts'

/**
 * Plays a dialogue against a story. `S:` lines are what the server says when the client next listens, `C:` lines what the client must have said
 * until then, `C: ‹content›` a letter's content; `S: ‹gone›` a connection that breaks, `S: ‹tls›` a handshake that succeeds.
 */
export type Story = { said: string[]; outcomes: Record<string, Outcome>; learned: KnownSkills; fault: Fault | undefined }

export const letter = (id: number, to: string[] = ['ops@example.org'], text = 'Subject: x\r\n\r\nhello\r\n'): Letter => ({
  id,
  to,
  messageId: `<o${id}@x>`,
  from: 'ps7@example.org',
  content: Buffer.from(text),
})

const hello: Hello = {
  ehlo: 'ps7.example.org',
  security: 'none',
  login: { kind: 'none' },
  nonce: 'nonce',
  loopback: false,
  capMs: 60_000,
  known: {},
}

export function replay(story: string, letters: Letter[], options: Partial<Hello> = {}): Story {
  const lines = story
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const said: string[] = []
  const outcomes: Record<string, Outcome> = {}
  const learned: KnownSkills = {}
  const talk = dialogue({ ...hello, ...options })
  const waiting = [...letters]
  const pending: string[] = []
  const reader = new ReplyReader()

  const expectSaid = () => {
    while (lines[0]?.startsWith('C:')) assert.equal(pending.shift(), lines.shift()?.slice(3), `after ${said.slice(-3).join(' | ')}`)
  }
  const hear = (): Answer => {
    for (;;) {
      const reply = reader.next()
      if (typeof reply === 'string') return { lost: reply }
      if (reply) return { reply }
      expectSaid()
      const line = lines.shift()
      if (line === undefined || line === 'S: ‹gone›') return { lost: 'The server hung up.' }
      reader.push(Buffer.from(`${line.slice(3)}\r\n`))
    }
  }
  let step = talk.next()
  while (!step.done) {
    const ask = step.value
    let answer: Answer = { done: true }
    if (ask.kind === 'say') {
      said.push(ask.text.trimEnd())
      pending.push(ask.text.trimEnd())
    } else if (ask.kind === 'content') {
      said.push('‹content›')
      pending.push('‹content›')
      answer = { said: said.length }
    } else if (ask.kind === 'hear') {
      assert.ok(ask.timeoutMs > 0 && ask.timeoutMs <= 600_000, `it waits ${ask.timeoutMs} ms`)
      answer = hear()
    } else if (ask.kind === 'secure') {
      expectSaid()
      if (lines[0] === 'S: ‹tls›') lines.shift()
      else answer = { lost: 'The handshake failed.', code: 'EPLAINTEXT' }
    } else if (ask.kind === 'next') answer = { letter: waiting.shift() }
    else if (ask.kind === 'learn') learned[ask.skill] = ask.good
    else if (ask.kind === 'settle') outcomes[`${ask.letter} ${ask.to}`] = ask.outcome
    step = talk.next(answer)
  }
  expectSaid()
  return { said, outcomes, learned, fault: step.value.fault }
}
