import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kindOf, quoted, ReplyReader } from '../../src/relay/reply.ts'

const read = (text: string) => {
  const reader = new ReplyReader()
  reader.push(Buffer.from(text, 'latin1'))
  return reader
}

test('a reply is the same in whichever pieces it comes, and nothing is given before its last line', () => {
  const text = '250-relay\r\n250-SIZE 1000\r\n250 PIPELINING\r\n354 go\n'
  for (let at = 0; at <= text.length; at++) {
    const reader = read(text.slice(0, at))
    const replies = [reader.next(), reader.next()].filter((one) => one !== undefined)
    assert.equal(replies.length, at < text.indexOf('354') ? 0 : at < text.length ? 1 : 2)
    reader.push(Buffer.from(text.slice(at)))
    replies.push(...[reader.next(), reader.next()].filter((one) => one !== undefined))
    assert.deepEqual(replies, [
      { code: 250, text: 'relay\nSIZE 1000\nPIPELINING' },
      { code: 354, text: 'go' },
    ])
    assert.equal(reader.hasMore, false)
  }
})

test('what is left behind a reply is seen: before TLS nobody may say more', () => {
  const reader = read('220 go\r\n250-evil')
  assert.equal(reader.hasMore, true)
  assert.deepEqual(reader.next(), { code: 220, text: 'go' })
  assert.equal(reader.hasMore, true)
  const begun = read('250-a\r\n')
  assert.equal(begun.next(), undefined)
  assert.equal(begun.hasMore, true, 'a reply that was begun is not over')
})

test('an enhanced code counts when its class is that of the reply', () => {
  assert.deepEqual(read('550 5.1.1 no such user\r\n').next(), { code: 550, text: '5.1.1 no such user', enhanced: '5.1.1' })
  assert.deepEqual(read('550-5.1.1 no such\r\n550 5.1.1 user\r\n').next(), {
    code: 550,
    text: '5.1.1 no such\n5.1.1 user',
    enhanced: '5.1.1',
  })
  assert.deepEqual(read('250 2.0.0\r\n').next(), { code: 250, text: '2.0.0', enhanced: '2.0.0' })
  for (const text of ['550 4.1.1 odd', '550 5.1 short', '550 5.1.1x joined', '354 3.0.0 none'])
    assert.deepEqual(read(`${text}\r\n`).next(), { code: Number(text.slice(0, 3)), text: text.slice(4) }, text)
})

test('an appliance may leave out the blank and the text', () => {
  assert.deepEqual(read('250\r\n').next(), { code: 250, text: '' })
  assert.deepEqual(read('250ok\r\n').next(), { code: 250, text: 'ok' })
})

test('what is no reply is told, and its first line is kept', () => {
  for (const line of ['HTTP/1.1 400 Bad Request', '', '150 early', '650 late', '2500 long', 'x250 ok']) {
    const reader = read(`${line}\r\nsecond\r\n`)
    assert.match(String(reader.next()), /not SMTP/, line)
    reader.next()
    assert.equal(reader.foreign, line)
  }
  assert.equal(read('220 relay\r\n').foreign, undefined)
  const long = read(`x${'y'.repeat(5000)}\r\n`)
  long.next()
  assert.equal(long.foreign?.length, 2000)
})

test('a server that never ends its line or its reply is a fault, a long line is none', () => {
  assert.equal(read(`535 ${'a'.repeat(12_000)}`).next(), undefined)
  assert.equal((read(`535 ${'a'.repeat(12_000)}\r\n`).next() as { code: number }).code, 535)
  assert.match(String(read(`535 ${'a'.repeat(13_000)}`).next()), /without an end/)
  assert.match(String(read(`535 ${'a'.repeat(13_000)}\r\n`).next()), /not SMTP/)
  assert.deepEqual((read(`${'250-x\r\n'.repeat(99)}250 x\r\n`).next() as { code: number }).code, 250)
  assert.match(String(read('250-x\r\n'.repeat(200)).next()), /more than 100 lines/)
})

test('a reply is quoted on one line, without what steers a terminal', () => {
  const reply = read('550-no\u001b[31m\r\n550 such user\r\n').next()
  assert.ok(typeof reply === 'object')
  assert.equal(quoted(reply), '550 no [31m / such user')
  assert.equal(quoted({ code: 550, text: 'x'.repeat(1000) }).length, 400)
  assert.deepEqual([kindOf(reply), kindOf({ code: 299, text: '' }), kindOf({ code: 300, text: '' })], [5, 2, 3])
})
