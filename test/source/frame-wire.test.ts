import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createFramer, type FrameOptions } from '../../src/source/frame.ts'

const framer = (options: Partial<FrameOptions> & Pick<FrameOptions, 'kind'>) => createFramer({ maxBytes: 4096, ...options })
const give = (options: Partial<FrameOptions> & Pick<FrameOptions, 'kind'>, bytes: Uint8Array): string[] =>
  framer(options)
    .push(bytes)
    .map((one) => Buffer.from(one).toString('hex'))
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex')
const words = (options: Partial<FrameOptions> & Pick<FrameOptions, 'kind'>, text: string): string[] =>
  framer(options)
    .push(Buffer.from(text))
    .map((one) => Buffer.from(one).toString())

/** Consistent Overhead Byte Stuffing, as a sender does it. */
function cobbed(bytes: Uint8Array): number[] {
  const out: number[] = []
  let block: number[] = []
  const close = () => {
    out.push(block.length + 1, ...block)
    block = []
  }
  for (const octet of bytes) {
    if (octet === 0) close()
    else {
      block.push(octet)
      if (block.length === 254) close()
    }
  }
  if (block.length > 0 || bytes.at(-1) === 0 || bytes.length === 0) close()
  return [...out, 0]
}

const slipped = (bytes: Uint8Array): number[] => [
  0xc0,
  ...[...bytes].flatMap((octet) => (octet === 0xc0 ? [0xdb, 0xdc] : octet === 0xdb ? [0xdb, 0xdd] : [octet])),
  0xc0,
]

describe('slip', () => {
  test('two ENDs are an empty frame, which is none, and what ESC hides is restored', () => {
    assert.deepEqual(give({ kind: 'slip' }, hex('c0 01 db dc 02 c0 c0 db dd c0')), ['01c002', 'db'])
  })

  test('an octet that must not follow ESC is kept with it', () => {
    assert.deepEqual(give({ kind: 'slip' }, hex('01 db 41 c0')), ['01db41'])
  })
})

describe('cobs', () => {
  test('the examples of its paper', () => {
    for (const [sent, content] of [
      ['01 01 00', '00'],
      ['03 11 22 02 33 00', '11220033'],
      ['05 11 22 33 44 00', '11223344'],
      ['02 11 01 01 01 00', '11000000'],
    ] as const)
      assert.deepEqual(give({ kind: 'cobs' }, hex(sent)), [content], sent)
  })

  test('a broken frame is given as it came, and the next one is whole', () => {
    assert.deepEqual(give({ kind: 'cobs' }, hex('09 11 22 00 02 33 00')), ['091122', '33'])
  })
})

test('what slip and cobs carry comes out as it went in, in whatever pieces', () => {
  const payload = fc.uint8Array({ minLength: 1, maxLength: 600 })
  fc.assert(
    fc.property(
      fc.array(payload, { maxLength: 4 }),
      fc.constantFrom('slip', 'cobs'),
      fc.integer({ min: 1, max: 50 }),
      (frames, kind, piece) => {
        const sent = Uint8Array.from(frames.flatMap((one) => (kind === 'slip' ? slipped(one) : cobbed(one))))
        const one = framer({ kind })
        const got: Uint8Array[] = []
        for (let at = 0; at < sent.length; at += piece) got.push(...one.push(sent.subarray(at, at + piece)))
        assert.deepEqual(
          got.map((each) => [...each]),
          frames.map((each) => [...each]),
        )
        assert.equal(one.pending, 0)
      },
    ),
  )
})

describe('between', () => {
  test('what stands outside is passed over, and a colon inside is content', () => {
    assert.deepEqual(words({ kind: 'between' }, 'noise:ALARM 01:23;more:B;'), ['ALARM 01:23', 'B'])
  })

  test('its octets may be others', () => {
    assert.deepEqual(words({ kind: 'between', start: '<', end: '\\x04' }, 'x<a>b\x04<c\x04'), ['a>b', 'c'])
  })

  test('one that is too long is cut and counted, and the next one is whole', () => {
    const one = framer({ kind: 'between', maxBytes: 4 })
    assert.deepEqual(
      one.push(Buffer.from(':abcdefgh;:ij;')).map((each) => Buffer.from(each).toString()),
      ['abcd', 'ij'],
    )
    assert.equal(one.overruns, 1)
  })
})

test('a telegram goes from / to the end of the line that begins with !', () => {
  assert.deepEqual(words({ kind: 'telegram' }, 'x\r\n/ABC5\r\n\r\n1-0:1(2!)\r\n!\r\n/D\r\n!AB12\n'), [
    '/ABC5\r\n\r\n1-0:1(2!)\r\n!',
    '/D\r\n!AB12',
  ])
})
