import assert from 'node:assert/strict'
import { test } from 'node:test'
import { schemaFor } from '../../src/settings/docs.ts'
import { german } from '../../src/settings/german.ts'

/** Titles and descriptions below a node. */
function* words(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return
  for (const [name, value] of Object.entries(node)) {
    if ((name === 'title' || name === 'description') && typeof value === 'string') yield value
    else yield* words(value)
  }
}

test('every form of the page has its words in German, and no German is left over', () => {
  const { properties } = schemaFor('en') as { properties: Record<string, unknown> }
  const needed = new Set(['sources', 'people', 'rules', 'relays'].flatMap((name) => [...words(properties[name])]))
  assert.deepEqual(
    [...needed].filter((word) => !Object.hasOwn(german, word)),
    [],
  )
  assert.deepEqual(
    Object.keys(german).filter((word) => !needed.has(word)),
    [],
  )
  assert.match(JSON.stringify(schemaFor('de')), /Wie ein Rahmen endet/)
})
