import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nodeLog } from '../../src/ports/node/log.ts'

const written = (pretty: boolean, secrets: string[] = []) => {
  const lines: string[] = []
  const kept: string[] = []
  const log = nodeLog({
    secrets: () => secrets,
    pretty,
    level: 'debug',
    write: (line) => lines.push(line),
    keep: (line) => kept.push(line),
  })
  return { log, lines, kept }
}

test('log injection (CWE-117): whatever a sensor says, a log entry is one line without control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.boolean(), (event, fact, pretty) => {
      const { log, lines, kept } = written(pretty)
      log('warning', event, { fact })
      assert.equal(lines.length, 1)
      assert.match(lines[0] ?? '', /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]*\n$/)
      assert.equal(JSON.parse(kept[0] ?? '').level, 'warning')
      if (!pretty) assert.equal(`${kept[0]}\n`, lines[0])
    }),
    { numRuns: 500 },
  )
})

test('disclosure of secrets (CWE-532): a secret is masked in what is written and in what is kept for the page, as it is, in JSON and in base64', () => {
  for (const pretty of [false, true]) {
    const { log, lines, kept } = written(pretty, ['pass"word'])
    log('info', 'login', { plain: 'pass"word', base64: Buffer.from('pass"word').toString('base64') })
    for (const line of [...lines, ...kept]) {
      assert.ok(
        !line.includes('pass"word') && !line.includes('pass\\"word') && !line.includes(Buffer.from('pass"word').toString('base64')),
        line,
      )
      assert.equal(line.split('‹secret›').length, 3)
    }
  }
})

test('disclosure of secrets (CWE-532): of a secret that begins like another one, that the end of a line cuts, or that has control characters nothing is left', () => {
  for (const pretty of [false, true]) {
    const { log, lines, kept } = written(pretty, ['pumpe', 'pumpe7!geheim', 'a\u200eb\u0085cd', 'correct-horse-battery'])
    log('info', 'login', { why: '535 pumpe7!geheim is wrong, and a\u200eb\u0085cd' })
    for (let length = 8000; length < 8192; length++) log('info', 'login', { why: `${'x'.repeat(length)}correct-horse-battery` })
    for (const line of [...lines, ...kept]) {
      assert.doesNotMatch(line, /geheim|cor|cd/)
      assert.ok(line.length <= 8193)
    }
  }
})
