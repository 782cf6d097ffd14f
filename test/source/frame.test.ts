import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createFramer, delimiterBytes, endsInSilence, type FrameOptions, type Framer } from '../../src/source/frame.ts'

const framer = (options: Partial<FrameOptions> & { kind: FrameOptions['kind'] }): Framer => createFramer({ maxBytes: 4096, ...options })
const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const texts = (frames: Uint8Array[]): string[] => frames.map((frame) => Buffer.from(frame).toString('latin1'))
const heard = (one: Framer, ...chunks: string[]): string[] => chunks.flatMap((chunk) => texts(one.push(bytes(chunk))))

describe('lines', () => {
  test('LF, CR and CRLF each end a line, and empty lines are none', () => {
    assert.deepEqual(heard(framer({ kind: 'line' }), 'a\nb\rc\r\n\r\n\n\rd\n'), ['a', 'b', 'c', 'd'])
  })

  test('a CRLF that comes in two pieces ends one line, and leaves nothing pending', () => {
    const one = framer({ kind: 'line' })
    assert.deepEqual(heard(one, 'a\r'), ['a'])
    assert.deepEqual(heard(one, '\n'), [])
    assert.equal(one.pending, 0)
    assert.deepEqual(heard(one, 'b\n'), ['b'])
  })

  test('a line of exactly maxBytes is whole; one octet more cuts it once, and the next line is whole again', () => {
    const one = framer({ kind: 'line', maxBytes: 4 })
    assert.deepEqual(heard(one, '1234\r\n'), ['1234'])
    assert.equal(one.overruns, 0)
    assert.deepEqual(heard(one, '12345', '6789', '\r\nok\n'), ['1234', 'ok'])
    assert.equal(one.overruns, 1)
  })

  test('however the octets are cut into pieces, the lines are those of the whole', () => {
    const octet = fc.constantFrom(...bytes('\r\nab\0\xff'))
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 12 }).chain((one) => fc.array(octet, { maxLength: one.length }))), (chunks) => {
        const one = framer({ kind: 'line', maxBytes: 5 })
        const whole = Buffer.from(chunks.flat()).toString('latin1')
        const wanted = whole.split(/\r\n|\r|\n/).slice(0, -1)
        const rest = whole.split(/\r\n|\r|\n/).at(-1) ?? ''
        const got = chunks.flatMap((chunk) => texts(one.push(Uint8Array.from(chunk))))
        assert.deepEqual(
          [...got, ...texts(one.idle())],
          [...wanted, rest].filter(Boolean).map((line) => line.slice(0, 5)),
        )
        assert.equal(one.overruns, [...wanted, rest].filter((line) => line.length > 5).length)
      }),
    )
  })

  test('resource exhaustion (CWE-400): 64 MiB without an end are one cut frame, in flat memory', () => {
    const one = framer({ kind: 'line' })
    const piece = new Uint8Array(64 * 1024).fill(0x61)
    const before = process.memoryUsage().arrayBuffers
    let frames = 0
    for (let count = 0; count < 1024; count++) frames += one.push(piece).length
    assert.equal(frames, 1)
    assert.equal(one.overruns, 1)
    assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024)
    assert.deepEqual(heard(one, '\nalive\n'), ['alive'])
  })
})

describe('delimiters', () => {
  test('a frame of exactly maxBytes before its delimiter is no overrun, nor does it cost the next one', () => {
    const one = framer({ kind: 'delimiter', delimiter: '\\x14', maxBytes: 4 })
    assert.deepEqual(heard(one, '1234\x14next\x14'), ['1234', 'next'])
    assert.equal(one.overruns, 0)
  })

  test('what looks like a delimiter and turns out to be content is content', () => {
    assert.deepEqual(heard(framer({ kind: 'delimiter', delimiter: 'aab' }), 'xaa', 'aabyaab'), ['xaa', 'y'])
  })

  test('the end of a cut frame is found even where the cut went through the delimiter', () => {
    const one = framer({ kind: 'delimiter', delimiter: '\\r\\n', maxBytes: 3 })
    assert.deepEqual(heard(one, '123\r4\r\nok\r\n'), ['123', 'ok'])
    assert.equal(one.overruns, 1)
  })

  test('any delimiter in any pieces splits as the whole would', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(word, fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })), (delimiter, chunks) => {
        const one = framer({ kind: 'delimiter', delimiter, maxBytes: 6 })
        const wanted = chunks.join('').split(delimiter).filter(Boolean)
        assert.deepEqual(
          [...heard(one, ...chunks), ...texts(one.idle())],
          wanted.map((frame) => frame.slice(0, 6)),
        )
      }),
    )
  })

  test('escapes name octets; all else stands for itself; nothing at all means LF', () => {
    assert.deepEqual([...delimiterBytes('\\x14\\r\\n\\t\\0\\\\;')], [0x14, 13, 10, 9, 0, 0x5c, 0x3b])
    assert.deepEqual([...delimiterBytes('€')], [0xe2, 0x82, 0xac])
    assert.deepEqual(heard(framer({ kind: 'delimiter', delimiter: '' }), 'a\nb\n'), ['a', 'b'])
    assert.deepEqual(heard(framer({ kind: 'delimiter', delimiter: Uint8Array.of(0x3b) }), 'a;b;'), ['a', 'b'])
  })
})

describe('silence', () => {
  test('a device without line ends is framed by its pauses', () => {
    const one = framer({ kind: 'idle' })
    assert.equal(one.idleMs, 250)
    assert.deepEqual(heard(one, 'Motion ', 'Detected'), [])
    assert.deepEqual(texts(one.idle()), ['Motion Detected'])
    assert.deepEqual(texts(one.idle()), [])
  })

  test('after a cut frame the silence ends the skipping, even straight after the octet that was too many', () => {
    const one = framer({ kind: 'idle', maxBytes: 2 })
    assert.deepEqual(heard(one, 'abc'), ['ab'])
    assert.ok(one.pending > 0)
    assert.deepEqual(texts(one.idle()), [])
    assert.deepEqual(heard(one, 'd'), [])
    assert.deepEqual(texts(one.idle()), ['d'])
  })

  test('a line that was begun does not wait for ever, and half a delimiter is content', () => {
    const line = framer({ kind: 'line' })
    line.push(bytes('no end'))
    assert.equal(line.idleMs, 10_000)
    assert.deepEqual(texts(line.idle()), ['no end'])
    const delimited = framer({ kind: 'delimiter', delimiter: 'END' })
    delimited.push(bytes('bad EN'))
    assert.deepEqual(texts(delimited.idle()), ['bad EN'])
  })

  test('silence ends a frame properly only where the settings say so', () => {
    assert.ok(endsInSilence({ kind: 'idle', maxBytes: 1 }))
    assert.ok(endsInSilence({ kind: 'line', maxBytes: 1, idleMs: 100 }))
    assert.ok(!endsInSilence({ kind: 'line', maxBytes: 1 }))
    assert.ok(!endsInSilence({ kind: 'fixed', maxBytes: 1, idleMs: 100 }))
  })
})

describe('counted and enclosed frames', () => {
  test('the length in front may be one, two or four octets, of either order; empty frames are none', () => {
    assert.deepEqual(heard(framer({ kind: 'length' }), '\x02ab\x00\x01c'), ['ab', 'c'])
    assert.deepEqual(heard(framer({ kind: 'length', lengthBytes: 2 }), '\x00', '\x03a', 'bc\x00\x01d'), ['abc', 'd'])
    assert.deepEqual(heard(framer({ kind: 'length', lengthBytes: 4, lengthOrder: 'little' }), '\x02\x00\x00\x00ab'), ['ab'])
  })

  test('a frame longer than allowed is cut, and the next is found behind it', () => {
    const one = framer({ kind: 'length', maxBytes: 2 })
    assert.deepEqual(heard(one, '\x05abcde\x01f'), ['ab', 'f'])
    assert.equal(one.overruns, 1)
  })

  test('a length that is noise is forgotten in the silence after it', () => {
    const one = framer({ kind: 'length', lengthBytes: 4 })
    assert.deepEqual(heard(one, '\xff\xff\xff\xff'), [])
    assert.ok(one.pending > 0)
    assert.deepEqual(texts(one.idle()), [])
    assert.deepEqual(heard(one, '\x00\x00\x00\x02ok'), ['ok'])
  })

  test('fixed frames are counted, and a lost octet does not shift all that follow', () => {
    const one = framer({ kind: 'fixed', bytes: 3 })
    assert.deepEqual(heard(one, 'abcde', 'fgh'), ['abc', 'def'])
    assert.deepEqual(texts(one.idle()), ['gh'])
    assert.deepEqual(heard(one, 'ijk'), ['ijk'])
    assert.deepEqual(heard(framer({ kind: 'fixed', bytes: 4, maxBytes: 2 }), 'abcdefgh'), ['ab', 'ef'])
  })

  test('what stands between STX and ETX is a frame; what stands outside is none; a second STX gives what was interrupted', () => {
    const one = framer({ kind: 'stx-etx' })
    assert.deepEqual(heard(one, 'noise\x02al', 'arm\x03\r\n\x02\x03\x02cut\x02whole\x03'), ['alarm', 'cut', 'whole'])
    assert.equal(one.pending, 0)
  })

  test('no octets in any pieces crash a framer, exceed its bound or stay in it after a silence', () => {
    const kinds = fc.constantFrom<FrameOptions['kind'][]>('line', 'delimiter', 'idle', 'length', 'fixed', 'stx-etx')
    const lengthBytes = fc.constantFrom<(1 | 2 | 4)[]>(1, 2, 4)
    fc.assert(
      fc.property(kinds, lengthBytes, fc.array(fc.uint8Array({ maxLength: 40 })), (kind, size, chunks) => {
        const one = framer({ kind, maxBytes: 7, bytes: 5, lengthBytes: size, delimiter: 'ab' })
        const frames = [...chunks.flatMap((chunk) => one.push(chunk)), ...one.idle()]
        assert.ok(frames.every((frame) => frame.length > 0 && frame.length <= 7))
        assert.equal(one.pending, 0)
        assert.deepEqual(one.idle(), [])
      }),
    )
  })
})
