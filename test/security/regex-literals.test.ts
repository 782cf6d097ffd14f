import assert from 'node:assert/strict'
import { test } from 'node:test'
import { regexLiterals } from './regex-literals.ts'

test('regular expressions are found where they stand, and nothing else is taken for one', () => {
  const source = `
    const a = /x\\/y[/]z/gi.exec(s) // /no/
    const b = 6 / 2 / 3 + "a/b/c" + 'it\\'s /no/ either'
    /* /no/ */ return /in{2}/.test(\`/no/ \${s.replace(/yes/, "}")} /no/ \${{ a: /deep/ }.a} \`) / 2
    f(/first/, x[0] / y / 2)`
  assert.deepEqual(regexLiterals(source).map(String), ['/x\\/y[/]z/gi', '/in{2}/', '/yes/', '/deep/', '/first/'])
})
