import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { conditionFault, judge, measures, numberOf, parseCondition } from '../../src/rules/condition.ts'

const alert = {
  source: 'plc',
  severity: 'warning',
  state: 'raised',
  text: 'Leak in pit',
  key: 'pump-3',
  value: 81.5,
  fields: {
    temperature: '20.7',
    door: 'open',
    battery_low: true,
    switch: 'ON',
    mode: 'auto',
    'DS18B20-1.Temperature': 9,
    nothing: null,
    'odd name': 1,
  },
} as const

const so = (text: string): boolean | undefined => {
  const condition = parseCondition(text)
  assert.ok(!('fault' in condition), `${text}: ${'fault' in condition ? condition.fault : ''}`)
  return judge(condition, alert)
}

describe('a condition', () => {
  for (const text of [
    'value > 80',
    'value>=81.5',
    'not value < 80',
    'temperature > 20',
    'temperature == 20.7',
    'door == "open"',
    "door == 'open' and mode != manual",
    'battery_low == true',
    'switch == true',
    'switch == ON',
    'mode in ("auto", "manual")',
    'value in (1, 81.5)',
    'text contains "Leak"',
    'mode exists and not humidity exists',
    'DS18B20-1.Temperature > 8',
    '`odd name` == 1',
    'severity == critical or (key == "pump-3" AND not (door == "closed"))',
    'value > 80 and value < 90 or door == "closed"',
    'source == plc and state == raised',
    'value > -1e2',
    'door != 5',
    'value <= 81.5',
    'value != 80',
    'temperature <= 21 and temperature != 21',
    'unit == "x" or value >= 0',
  ])
    test(`${text} holds`, () => assert.equal(so(text), true))

  for (const text of [
    'value > 81.5',
    'nothing exists',
    'mode == true',
    'value < 80 or value > 90 and door == "open"',
    'not (value > 80)',
    'toString exists',
    'text contains "Fire"',
    'value <= 81.4',
    'value != 81.5',
    'value == 80',
    'value < 81.5',
    'switch == false',
  ])
    test(`${text} does not hold`, () => assert.equal(so(text), false))

  for (const text of [
    'humidity > 0',
    'humidity < 0',
    'humidity != 5',
    'not humidity > 5',
    'humidity in (1, 2)',
    'humidity contains "x"',
    'door > 1',
    'value > 80 and humidity > 5',
    'value > 90 or humidity > 5',
  ])
    test(`${text} is not said`, () => assert.equal(so(text), undefined))

  test('what decides is enough, whatever else is missing', () => {
    assert.equal(so('value > 80 or humidity > 5'), true)
    assert.equal(so('value > 90 and humidity > 5'), false)
    assert.equal(so('humidity exists'), false)
  })

  test('measures what not every alert has', () => {
    const said = (text: string) => {
      const condition = parseCondition(text)
      return !('fault' in condition) && measures(condition, alert)
    }
    assert.ok(said('temperature > 30'))
    assert.ok(said('humidity > 30 or not temperature > 30'))
    assert.ok(!said('humidity > 30 and severity == critical'))
    assert.ok(!said('text contains "Leak"'))
  })

  test('that cannot be read is answered with where and what to write', () => {
    assert.match(conditionFault('') ?? '', /ends too early. Begin with a name/)
    assert.match(conditionFault('value >') ?? '', /ends too early. Write a number/)
    assert.match(conditionFault('value > hot') ?? '', /character 8 .*"hot".*number/)
    assert.match(conditionFault('value > 20,7') ?? '', /","/)
    assert.match(conditionFault('value = 1 & x') ?? '', /character 11/)
    assert.match(conditionFault('(value > 1') ?? '', /Close the bracket/)
    assert.match(conditionFault('> 80') ?? '', /Begin with a name/)
    assert.match(conditionFault('value is 80') ?? '', />, >=/)
    assert.match(conditionFault('a'.repeat(501)) ?? '', /at most 500/)
    assert.match(conditionFault(`${'not '.repeat(40)}value > 1`) ?? '', /16 deep/)
  })

  test('knows the words that devices have for true and false, in whichever case', () => {
    const door = (value: string | number | boolean, text: string) => {
      const condition = parseCondition(`door == ${text}`)
      return !('fault' in condition) && judge(condition, { ...alert, fields: { door: value } })
    }
    for (const value of [true, 'true', 'ON', 'Yes', 1, '1', ' on '])
      assert.deepEqual([door(value, 'true'), door(value, 'false')], [true, false], String(value))
    for (const value of [false, 'false', 'Off', 'no', 0, '0'])
      assert.deepEqual([door(value, 'true'), door(value, 'false')], [false, true], String(value))
    for (const value of ['open', 2, '']) assert.deepEqual([door(value, 'true'), door(value, 'false')], [false, false], String(value))
  })

  test('says which number it is about, when there is one', () => {
    const about = (text: string) => {
      const condition = parseCondition(text)
      return 'fault' in condition ? assert.fail(condition.fault) : numberOf(condition, alert)
    }
    assert.equal(about('temperature > 30 and door == "open"'), 20.7)
    assert.equal(about('value > 80 or value < 10'), 81.5)
    assert.equal(about('temperature > 30 and value > 1'), undefined)
    assert.equal(about('door == "open"'), undefined)
  })

  test('whatever is written, the answer is a condition or a sentence, at once', () => {
    const piece = fc.constantFrom(
      'value',
      '>',
      '80',
      '(',
      ')',
      'and',
      'or',
      'not',
      '"x"',
      ',',
      'in',
      'exists',
      '`',
      '`a b`',
      '=',
      ' ',
      '\u0000',
      '-',
      '1e',
      'ü',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 80 }), fc.boolean(), (pieces, spaced) => {
        const parsed = parseCondition(pieces.join(spaced ? ' ' : ''))
        if ('fault' in parsed) assert.match(parsed.fault, /\.$/)
        else assert.ok([true, false, undefined].includes(judge(parsed, alert)))
      }),
      { numRuns: 2000 },
    )
  })
})
