import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { alertLimits, type Reading } from '../../src/alert/alert.ts'
import type { Context } from '../../src/decode/decoder.ts'
import { decode, decoders } from '../../src/decode/registry.ts'

const decoded = (sample: string | Uint8Array, context: Context = {}, name = 'auto') =>
  decode(name, typeof sample === 'string' ? Buffer.from(sample) : sample, context)

function reading(sample: string | Uint8Array, context: Context = {}, name = 'auto'): Reading {
  const result = decoded(sample, context, name)
  assert.equal(result.kind, 'reading', JSON.stringify(result))
  return result.kind === 'reading' ? result.reading : { text: '' }
}

const octets = (...list: number[]): Uint8Array => Uint8Array.from(list)

describe('auto', () => {
  test('asks for our own JSON, then any JSON, then pairs, then takes it as text', () => {
    const samples: Record<string, string> = {
      '{"text":"Door open"}': 'outpost',
      '{"temperature":27.34,"humidity":44.72}': 'json',
      'TEMP=20.7;HUM=16;': 'pairs',
      'Motion Detected': 'text',
      '20;63;SmokeAlert;ID=1234;SMOKEALERT=ON;': 'rflink',
      '{"text":"torn off': 'text',
      '[10000001000100003A--],008,"****DISARMED****"': 'text',
      'x=1 is the answer': 'text',
    }
    for (const [sample, name] of Object.entries(samples)) assert.equal(decoded(sample).decoder, name, sample)
    assert.deepEqual(
      decoders.map(({ name }) => name).filter((name) => ['outpost', 'json', 'pairs', 'text'].includes(name)),
      ['outpost', 'json', 'pairs', 'text'],
    )
  })

  test('no octets are undecodable, throw, or give a reading that is not safe and bounded', () => {
    const sample = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
      fc.string({ unit: fc.constantFrom(...'ab=;, "\n\0') }).map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(sample, fc.constantFrom('auto', 'nonsense', ...decoders.map(({ name }) => name)), (bytes, name) => {
        const result = decode(name, bytes, { topic: 'a/b' })
        if (name === 'auto' || name === 'text') assert.notEqual(result.kind, 'undecodable')
        if (result.kind !== 'reading') return assert.ok(result.why.length > 5)
        const { text, key, fields = {} } = result.reading
        assert.ok(text.length > 0 && [...text].length <= alertLimits.textChars)
        assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/)
        assert.ok(key !== undefined && key.length <= alertLimits.keyChars)
        assert.ok(Object.keys(fields).length <= alertLimits.fields)
        for (const [field, value] of Object.entries(fields))
          assert.doesNotMatch(`${field}${value}`, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/)
      }),
      { numRuns: 500 },
    )
  })

  test('blank frames, padding and breaks are nothing to tell of, and an empty retained payload clears its topic', () => {
    for (const blank of ['', ' \r\n', '\0\0\0']) assert.equal(decoded(blank, {}, 'json').kind, 'ignored')
    const cleared = decoded('', { retained: true, topic: 'a' })
    assert.match(cleared.kind === 'ignored' ? cleared.why : '', /clears/)
  })
})

describe('our own JSON', () => {
  test('each name finds its place, all else is a field', () => {
    const sample = {
      id: 'a-1',
      key: 'pump-3/overtemp',
      state: 'raised',
      severity: 'critical',
      text: 'Pump 3 at 81 °C',
      value: 81.2,
      unit: '°C',
      at: '2026-11-24T03:12:00Z',
    }
    assert.deepEqual(reading(JSON.stringify(sample)), sample)
    assert.deepEqual(reading(JSON.stringify({ ...sample, battery: 3.1, ok: true })), { ...sample, fields: { battery: 3.1, ok: true } })
  })

  test('values of the wrong kind cost nothing: they go to the fields, and what it means is said', () => {
    const one = reading('{"text":"Door","severity":"bad","value":"abc","state":5,"key":["a","b"],"unit":null,"at":""}')
    assert.deepEqual(one, {
      text: 'Door',
      fields: {
        severity: 'bad',
        value: 'abc',
        state: 5,
        'key.0': 'a',
        'key.1': 'b',
        decodeNote: 'severity is none of critical, warning, info',
      },
    })
  })

  test('capitals and numbers in text are understood', () => {
    const one = reading('{"text":"x","severity":"CRITICAL","state":"Cleared","value":" -1.5e1 ","key":7}')
    assert.deepEqual(one, { text: 'x', severity: 'critical', state: 'cleared', value: -15, key: '7' })
  })

  test('an id that might look like another one does not make an alert a repeat', () => {
    for (const id of ['12345678901234567890', '1.5', `"${'x'.repeat(201)}"`, '"a\\u0000b"', 'true', '{}']) {
      const one = reading(`{"text":"x","id":${id}}`)
      assert.equal(one.id, undefined, id)
      assert.match(String(one.fields?.decodeNote), /^id cannot/, id)
    }
    assert.equal(reading('{"text":"x","id":17}').id, '17')
  })

  test('the id of a device that says nothing else of ours is a field: it is the same in every message', () => {
    const one = reading('{"time":"2026-11-24 03:12:00","type":"Acurite","id":12,"temperature_C":7.5}')
    assert.equal(one.id, undefined)
    assert.equal(one.fields?.id, 12)
    assert.equal(reading('{"id":7,"value":23.1,"unit":"°C"}').id, undefined)
    assert.equal(reading('{"id":"a-7","key":"pump-3","value":23.1}').id, 'a-7')
  })
})

describe('any JSON', () => {
  test('nested members become paths', () => {
    const one = reading('{"params":{"ts":1.5,"temperature:0":{"tC":19.8,"ok":null}},"list":[1,[2]],"on":true}')
    assert.deepEqual(one.fields, {
      'params.ts': 1.5,
      'params.temperature:0.tC': 19.8,
      'params.temperature:0.ok': null,
      'list.0': 1,
      'list.1.0': 2,
      on: true,
    })
  })

  test('without a text it is made of what there is', () => {
    assert.equal(reading('{"value":81.2,"unit":"°C","key":"temperature"}').text, 'temperature 81.2 °C')
    assert.equal(reading('{"state":"ON"}').text, 'state ON')
    assert.equal(reading('{"occupancy":true}', { topic: 'house/hall' }).text, 'house/hall: occupancy true')
    assert.equal(reading('{"key":"door","state":"raised"}').text, 'door raised')
    assert.equal(reading('{}').text, 'alert without text')
  })

  test('the topic is the key where the alert brings none', () => {
    assert.equal(reading('Door open', { topic: 'alerts/test' }).key, 'alerts/test')
    assert.equal(reading('{"text":"x","key":"own"}', { topic: 'alerts/test' }).key, 'own')
    assert.equal(reading('Door open').key, undefined)
  })

  test('resource exhaustion (CWE-674): 100,000 levels neither overflow nor crash: the raw text is the alert', () => {
    for (const [open, close] of [
      ['{"a":', '}'],
      ['[', ']'],
    ] as const) {
      const sample = `{"deep":${open.repeat(100_000)}1${close.repeat(100_000)}}`
      const one = reading(sample)
      assert.ok(one.text.startsWith('{"deep":'), one.text.slice(0, 40))
      assert.equal(reading(sample, {}, 'json').text, one.text)
    }
    assert.equal(reading(`{"text":"kept","deep":${'['.repeat(1000)}${']'.repeat(1000)}}`).text, 'kept')
  })

  test('100,000 members are bounded, and what was passed over is said', () => {
    const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`m${index}`, index]))
    const one = reading(JSON.stringify(wide))
    assert.equal(Object.keys(one.fields ?? {}).length, alertLimits.fields)
    assert.match(String(one.fields?.decodeNote), /^99937 values/)
    assert.ok(one.text.startsWith('{"m0":0,'))
    const nested = reading(JSON.stringify({ text: 'x', inner: wide }))
    assert.match(String(nested.fields?.decodeNote), /values were passed over/)
  })

  test('prototype pollution (CWE-1321): names that look alike after cleaning, or would reach into the prototype, are kept apart', () => {
    const one = reading('{"a.b":1,"a":{"b":2},"__proto__":{"polluted":3},"decodeNote":4,"":5}')
    assert.deepEqual(Object.values(one.fields ?? {}), [1, 2, 3, 4, 5])
    assert.equal(({} as Record<string, unknown>).polluted, undefined)
    assert.deepEqual(Object.keys(reading('{"__proto__":1}').fields ?? {}), ['__proto___'])
  })

  test('numbers without an end are told in words, and a padded or marked object is still one', () => {
    assert.deepEqual(reading('{"x":1e999}').fields, { x: 'Infinity' })
    assert.equal(decoded('\ufeff{"text":"x"}\0\0').decoder, 'outpost')
  })

  test('whoever chose JSON hears in a sentence what is wrong', () => {
    const result = decoded('{"text":', {}, 'json')
    assert.equal(result.kind, 'undecodable')
    assert.match(result.kind === 'undecodable' ? result.why : '', /^This is not valid JSON: .*\. Write like \{"text":"Door open"\}\.$/)
    assert.equal(reading('81.2', {}, 'json').text, '81.2')
    assert.equal(reading('"Door"', {}, 'json').text, 'Door')
    assert.equal(reading('false', {}, 'outpost').text, 'false')
  })
})

describe('pairs', () => {
  test('may be apart by anything usual, and quotes hold blanks', () => {
    for (const sample of [
      'key=pump-3 severity=critical text="Leak; in, pit" value=4.5',
      'key=pump-3;severity=critical;text="Leak; in, pit";value=4.5;',
      'key=pump-3, severity=critical,text="Leak; in, pit"\r\nvalue=4.5\r\n',
    ])
      assert.deepEqual(reading(sample), { key: 'pump-3', severity: 'critical', text: 'Leak; in, pit', value: 4.5 }, sample)
  })

  test('values with blanks need no quotes where semicolons or line ends stand between the pairs', () => {
    assert.deepEqual(reading('key=pump-3; text=Leak in pit'), { key: 'pump-3', text: 'Leak in pit' })
    assert.deepEqual(reading('key=pump-3\ntext=Leak in pit\n'), { key: 'pump-3', text: 'Leak in pit' })
  })

  test('whoever chose pairs hears what they look like', () => {
    const result = decoded('no pairs here', {}, 'pairs')
    assert.match(result.kind === 'undecodable' ? result.why : '', /Write them like: key=pump-3/)
  })

  test('ReDoS (CWE-1333): no decoder takes more than linear time for a long payload that repeats itself', { timeout: 60_000 }, () => {
    const slow: string[] = []
    const names = ['auto', ...decoders.map(({ name }) => name)]
    for (const name of names)
      for (const head of ['', 'x', '{"a":'])
        for (const pump of ['"', '{"', '\\"', ' ', '\0', ',', 'a=', '\n', '"a"', ' ,'])
          for (const tail of ['', 'x']) {
            const payload = Buffer.from(`${head}${pump.repeat(60_000 / pump.length)}${tail}`)
            const before = process.cpuUsage()
            decode(name, payload, { topic: 'a/b' })
            const { user, system } = process.cpuUsage(before)
            // What is quadratic takes seconds.
            if (user + system > 500_000) slow.push(`${name}: ${JSON.stringify([head, pump, tail])} takes ${(user + system) / 1000} ms`)
          }
    assert.deepEqual(slow, [])
  })

  test('ReDoS (CWE-1333): long lines of what is almost a pair are turned down quickly', { timeout: 5000 }, () => {
    for (const sample of [`a=${'"'.repeat(200_000)}`, 'a'.repeat(200_000), `${'a=b;'.repeat(50_000)}!`, `a=${'b'.repeat(200_000)}`])
      assert.equal(decoded(sample).decoder, 'text')
  })
})

describe('text', () => {
  test('lines stay lines, and the control characters of the framing go', () => {
    assert.equal(reading('Status: ALARM\r\nFire Alarm Heat Detector\r\n').text, 'Status: ALARM\nFire Alarm Heat Detector')
    assert.equal(reading('\x02ALARM\x03').text, 'ALARM')
    assert.equal(reading('5011 18 1234E12101001\x14').text, '5011 18 1234E12101001')
  })

  test('Latin-1 is read, and a cut in the middle of a character leaves the rest readable', () => {
    assert.equal(reading(Buffer.from('Tür 3 geöffnet', 'latin1')).text, 'Tür 3 geöffnet')
    assert.equal(reading(Buffer.from('81 °C im Schacht ü').subarray(0, -1)).text, '81 °C im Schacht \ufffd')
    assert.equal(reading(Buffer.from('Насос остановлен').subarray(0, -1)).text, 'Насос остановле\ufffd')
    assert.equal(reading(Buffer.from('溢水警报').subarray(0, -2)).text, '溢水警\ufffd')
  })

  test('octets that are no text are shown, the first 64 of them', () => {
    assert.equal(reading(octets(1, 3, 2, 0, 0xeb)).text, '5 octets: 01 03 02 00 eb')
    assert.equal(reading(octets(1, 2, 3)).text, '3 octets: 01 02 03')
    assert.equal(reading(octets(0x20, 0x20, 0x20, 1)).text, '4 octets: 20 20 20 01')
    const all = reading(Uint8Array.from({ length: 256 }, (_, index) => index)).text
    assert.match(all, /^256 octets: 00 01 .* 3e 3f …$/)
  })

  test('a text of any length is cut and says so', () => {
    const long = reading('x'.repeat(100_000)).text
    assert.equal(long.length, alertLimits.textChars)
    assert.ok(long.endsWith('x…'))
  })
})
