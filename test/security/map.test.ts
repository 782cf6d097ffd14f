import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

/** docs/security.md has a row for each class of weakness, and the tests that hold it. They must be there, and each be named after a class of its row. */
const root = new URL('../..', import.meta.url).pathname
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8')
const rows = read('docs/security.md')
  .split('\n')
  .filter((line) => /^\| \d+ +\|/.test(line))
  .map((line) => line.split(/ +\| /))
const testsOf = (cell = ''): { path: string; name: string }[] =>
  [...cell.matchAll(/`(test\/\S+\.ts) › ([^`]+)`/g)].map(([, path = '', name = '']) => ({ path, name }))

/** A test, a story of a contract, or an entry of a table of tests, by its whole name. */
function has(text: string, name: string): boolean {
  const whole = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(?:\\b(?:test|on|describe|inBoth)\\(\\s*|\\bname: )(['\`])${whole}\\1`).test(text)
}

/** `header injection (CWE-93; GHSA-268h-hp4c-crq3), open relay`: each name, and each mark in the brackets behind it. */
const classesOf = (cell = ''): string[] =>
  cell
    .split(/[,;()]/)
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '')

test('thirty-two rows, each with its class, what the box does, and at least one test', () => {
  assert.deepEqual(
    rows.map((cells) => Number(/\d+/.exec(cells[0] ?? '')?.[0])),
    Array.from({ length: 32 }, (_, index) => index + 1),
  )
  for (const cells of rows) {
    assert.equal(cells.length, 4, cells[0])
    assert.ok(classesOf(cells[1]).length > 0 && (cells[2] ?? '').length > 20, cells[0])
    assert.ok(testsOf(cells[3]).length > 0, `${cells[0]} names no test`)
  }
})

test('each test that the map names exists in its file, and is named after a class of its row', () => {
  const faults = rows.flatMap((cells) =>
    testsOf(cells[3]).flatMap(({ path, name }) => {
      if (!existsSync(`${root}${path}`)) return [`${cells[0]}: ${path} is not there`]
      if (!has(read(path), name)) return [`${cells[0]}: ${path} has no test “${name}”`]
      return classesOf(cells[1]).some((one) => name.toLowerCase().includes(one)) ? [] : [`${cells[0]}: “${name}” says no class of its row`]
    }),
  )
  assert.deepEqual(faults, [])
})

test('SECURITY.md leads to the map', () => assert.match(read('SECURITY.md'), /\(docs\/security\.md\)/))
