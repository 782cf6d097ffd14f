import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dataContent } from '../../src/relay/dialogue/content.ts'
import { ReplyReader } from '../../src/relay/reply.ts'

const octets = fc.array(fc.constantFrom('\r', '\n', '.', 'a', '\0', 'é')).map((parts) => Buffer.from(parts.join('')))

test('SMTP smuggling (CVE-2023-51764): whatever a letter holds, its end comes once, and no bare CR or LF leaves', () => {
  fc.assert(
    fc.property(octets, (content) => {
      const sent = Buffer.from(dataContent(content)).toString('latin1')
      assert.ok(sent.endsWith('.\r\n'))
      assert.equal(`\r\n${sent}`.indexOf('\r\n.\r\n'), `\r\n${sent}`.length - 5)
      assert.doesNotMatch(sent, /\r(?!\n)|(?<!\r)\n/)
      const received = sent.slice(0, -3).replace(/^\./gm, '')
      const expected = content.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n')
      assert.equal(received, expected.length === 0 || expected.endsWith('\r\n') ? expected : `${expected}\r\n`)
    }),
    { numRuns: 2000 },
  )
})

test('a reply is the same however it is cut', () => {
  const whole = Buffer.from('250-relay\r\n250-SIZE 1\r\n250 2.1.0 ok\r\n')
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length)), (cuts) => {
      const reader = new ReplyReader()
      const at = [0, ...cuts.sort((a, b) => a - b), whole.length]
      for (const [index, from] of at.slice(0, -1).entries()) reader.push(whole.subarray(from, at[index + 1]))
      assert.deepEqual(reader.next(), { code: 250, enhanced: '2.1.0', text: 'relay\nSIZE 1\n2.1.0 ok' })
      assert.equal(reader.hasMore, false)
    }),
  )
})

test('resource exhaustion (CWE-400): a server that never ends its line or its reply is a fault, not a leak', () => {
  const reader = new ReplyReader()
  reader.push(Buffer.alloc(13_000, 'x'))
  assert.equal(typeof reader.next(), 'string')
  const talker = new ReplyReader()
  talker.push(Buffer.from('250-x\r\n'.repeat(200)))
  assert.equal(typeof talker.next(), 'string')
})
