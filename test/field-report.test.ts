import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

/** docs/field-report.md says how the box behaves, and which test holds it. What it names must be there. */
const root = new URL('..', import.meta.url).pathname
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8')
const rows = read('docs/field-report.md')
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) => line.split(' | '))
const source = (readdirSync(`${root}src`, { recursive: true }) as string[])
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => read(`src/${name}`))
  .join('\n')

test('thirty situations at least, numbered, each with its test', () => {
  assert.ok(rows.length >= 30)
  assert.deepEqual(
    rows.map((cells) => Number(/\d+/.exec(cells[0] ?? '')?.[0])),
    rows.map((_, index) => index + 1),
  )
})

test('each test that the field report names exists in its file', () => {
  const faults = rows.flatMap((cells) => {
    const [, path = '', name = ''] = /`(test\/\S+\.test\.ts) › (.+)`/.exec(cells.at(-1) ?? '') ?? []
    if (!existsSync(`${root}${path}`) || path === '') return [`${cells[0]}: ${path || 'no test'} is not there`]
    const there = ["'", '`'].some((quote) => read(path).includes(`test(${quote}${name}${quote}`))
    return there ? [] : [`${cells[0]}: ${path} has no test “${name}”`]
  })
  assert.deepEqual(faults, [])
})

test('each phrase that the technician is said to see is one of the box', () => {
  const screens = ['Overview', 'Queue', 'Sources', 'Logs']
  const faults = rows.flatMap((cells) =>
    [...(cells[3] ?? '').matchAll(/“([^”]+)”/g)]
      .map(([, phrase = '']) => phrase)
      .filter((phrase) => !screens.includes(phrase) && !phrase.split('…').every((part) => source.includes(part.trim())))
      .map((phrase) => `${cells[0]}: nothing in src says “${phrase}”`),
  )
  assert.deepEqual(faults, [])
})
