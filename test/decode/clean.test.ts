import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cleanKey, cleanLine, cleanText, decodeUtf8 } from '../../src/alert/clean.ts'

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
)
/** What may stand in no header, log line or page: C0, DEL, C1, line and direction marks. */
const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

test('a line is one line, well formed, bounded, without controls, and clean already when it is cleaned again', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 60 }), (text, limit) => {
      const line = cleanLine(text, limit)
      assert.doesNotMatch(line, unsafe)
      assert.ok(!line.includes('\n') && line.isWellFormed())
      assert.ok([...line].length <= limit)
      assert.equal(cleanLine(line, limit), line)
    }),
  )
})

test('a text keeps its line ends as \\n and is as safe otherwise', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const clean = cleanText(text, 50)
      assert.doesNotMatch(clean, unsafe)
      assert.ok(clean.isWellFormed() && [...clean].length <= 50)
      assert.equal(cleanText(clean, 50), clean)
    }),
  )
  assert.equal(cleanText('one \r\ntwo\rthree\u2028four\t5', 100), 'one\ntwo\nthree\nfour 5')
})

test('header injection (CWE-93): a header cannot be smuggled in', () => {
  assert.equal(cleanLine('Door\r\nBcc: all@example.org', 100), 'Door Bcc: all@example.org')
  assert.equal(cleanLine('\0\0 padded\0\0\0', 100), 'padded')
  assert.equal(cleanLine('a\u202egnp.exe', 100), 'a\ufffdgnp.exe')
  assert.equal(cleanLine('a\x01\x02\x03b', 100), 'a\ufffdb')
})

test('cutting counts code points and shows that something is missing', () => {
  assert.equal(cleanLine('abcdef', 6), 'abcdef')
  assert.equal(cleanLine('abcdefg', 6), 'abcde…')
  assert.equal(cleanLine('😀😀😀', 3), '😀😀😀')
  assert.equal(cleanLine('😀😀😀😀😀😀😀', 3), '😀😀…')
})

test('long keys that begin alike stay two, and are what they are when they are cleaned again', () => {
  const long = 'plant/'.repeat(40)
  const [one, other] = [cleanKey(`${long}pump 1`, 200), cleanKey(`${long}pump 2`, 200)]
  assert.match(one, /^plant\/.{184}… [0-9a-f]{8}$/)
  assert.notEqual(one, other)
  assert.equal(cleanKey(one, 200), one)
  assert.equal(cleanKey(' pump\n1 ', 200), 'pump 1')
  fc.assert(
    fc.property(anyText, (text) => assert.equal(cleanKey(text, 200), cleanLine(text, 200))),
    { examples: [['x'.repeat(200)]] },
  )
})

test('ReDoS (CWE-1333): a megabyte of blanks before a word costs no more than a megabyte of words', { timeout: 5000 }, () => {
  const blanks = `x${' '.repeat(1024 * 1024)}x`
  assert.equal(cleanLine(blanks, 10), 'x x')
  assert.equal(cleanText(blanks, 4), 'x  …')
})

test('UTF-8 is read as such; old panels are read as Windows-1252; a torn character costs only itself', () => {
  const read = (...octets: number[]) => decodeUtf8(Uint8Array.from(octets))
  assert.deepEqual(decodeUtf8(Buffer.from('Tür 81 °C 😀')), { text: 'Tür 81 °C 😀', damaged: false })
  assert.deepEqual(read(0xef, 0xbb, 0xbf, 0x61), { text: 'a', damaged: false })
  assert.deepEqual(read(0x54, 0xfc, 0x72, 0x20, 0x80), { text: 'Tür €', damaged: true })
  assert.deepEqual(read(0xc2, 0xb0, 0x43, 0xc3), { text: '°C\ufffd', damaged: true })
  fc.assert(fc.property(fc.uint8Array(), (bytes) => decodeUtf8(bytes).text.isWellFormed()))
})
