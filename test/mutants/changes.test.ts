import assert from 'node:assert/strict'
import { test } from 'node:test'
import { argued } from './argued.ts'
import { isWritten, mutantsOf, mutated } from './changes.ts'
import { mutations } from './promises.ts'
import { textOf } from './tree.ts'

const faultsOf = (text: string): string[] => mutantsOf('a.ts', text).map(({ is }) => is)

test('a comparison is moved by one and turned round, a condition is made to hold and not to', () => {
  assert.deepEqual(faultsOf('if (size < limit) stop()'), [
    'if (true) stop()',
    'if (false) stop()',
    'if (size <= limit) stop()',
    'if (size >= limit) stop()',
  ])
})

test('types, imports, comments, sentences and the log are left alone', () => {
  const text = `
    import { type Log, sentence } from './log.ts'
    type Size = 1 | 2
    // if (a < b) return true
    const why: string = 'The disk is full.' as const
    const hint = 'Bring the link back' satisfies string
    log('warning', 'too', { size: 3 })
    export { why } from 'why'`
  assert.deepEqual(faultsOf(text), [])
})

test('a call, an assignment and what is spread may go; so may the question before a member', () => {
  assert.deepEqual(faultsOf('  this.#forget(gone)\n  this.#end = at\n'), [';', ';'])
  assert.deepEqual(faultsOf('f({ ...(a.b)(c), d })'), ['f({ d })'])
  assert.deepEqual(faultsOf('a?.b?.(c)'), ['a.b?.(c)', 'a?.b(c)'])
})

test('what is computed in a template is changed, too, and a pattern is no division', () => {
  const text = 'const a = `$' + '{b + 1}`.replace(/[/"+]/g, c)'
  assert.deepEqual(
    faultsOf(text).map((one) => one.slice(10)),
    [
      '``.replace(/[/"+]/g, c)',
      '`$' + '{b - 1}`.replace(/[/"+]/g, c)',
      '`$' + '{b + 2}`.replace(/[/"+]/g, c)',
      '`$' + '{b + 0}`.replace(/[/"+]/g, c)',
    ],
  )
})

test('a change that Node would not run is told apart', () => {
  const text = 'const a = b ?? c ? d : e'
  assert.deepEqual(
    mutantsOf('a.ts', text).map((one) => isWritten(mutated(text, one))),
    [false, false],
  )
})

test('what is argued is a change that the run makes', () => {
  const made = new Map<string, Set<string>>()
  const changesOf = (file: string) => {
    const known = made.get(file) ?? new Set(mutantsOf(file, textOf(file)).map(({ was, is }) => `${was}\n${is}`))
    made.set(file, known)
    return known
  }
  const gone = argued.filter(({ file, was, is }) => !changesOf(file).has(`${was}\n${is}`))
  assert.deepEqual(gone, [])
  assert.ok(argued.every(({ why }) => why.length > 20))
})

test('every fault that is made by hand has its place in the code, and tests that are to notice it', () => {
  for (const { what, file, from, tests } of mutations) {
    assert.ok(textOf(`src/${file}`).includes(from), `${what}: src/${file} has no ${JSON.stringify(from)}`)
    for (const one of tests) assert.ok(textOf(one), `${what}: ${one}`)
  }
})
