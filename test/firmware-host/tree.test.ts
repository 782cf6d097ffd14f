import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { Board } from '../../firmware-host/image/board.ts'
import { debianTree, type Source, treeKey } from '../../firmware-host/image/tree.ts'

const facts = new URL('../../boards/generic-x86-64.json', import.meta.url)
const board: Board = { ...(JSON.parse(readFileSync(facts, 'utf8')) as Board), name: 'generic-x86-64' }
const source: Source = { mirror: 'http://deb.example.org/debian', security: 'http://deb.example.org/security', suite: 'trixie' }
const now = new Date('2026-11-30T12:00:00Z')

let cache: string
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'outpost-tree-'))
})
afterEach(() => rmSync(cache, { recursive: true }))

/** What is taken, and what was said. Debian's servers have `packages` at that moment. */
async function taken({ packages = '', fresh = false, from = source }): Promise<{ text: string; said: string }> {
  const said: string[] = []
  const make = async (_board: Board, _source: Source, path: string): Promise<void> => {
    if (packages === 'gone') throw new Error('The server does not answer.')
    writeFileSync(path, packages)
  }
  const path = await debianTree(board, from, { cache, fresh, now, say: (words) => said.push(words) }, make)
  return { text: readFileSync(path, 'utf8'), said: said.join('\n') }
}

/** One that is kept since then. */
function keep(since: string): void {
  const path = join(cache, `${treeKey(board, source)}.tar`)
  writeFileSync(path, 'kept')
  utimesSync(path, new Date(since), new Date(since))
}

test('a tree that is kept is taken, and its age is told', async () => {
  keep('2026-11-28T12:00:00Z')
  assert.deepEqual(await taken({ packages: 'new' }), { text: 'kept', said: "Debian's tree is of 2026-11-28, 2 days old." })
})

test('a tree of more than 30 days lacks security updates, which is told with the way to have them', async () => {
  keep('2026-10-31T12:00:00Z')
  assert.doesNotMatch((await taken({})).said, /ecurity/)
  keep('2026-10-30T12:00:00Z')
  assert.match((await taken({})).said, /of 2026-10-30, 31 days old\. Security updates since then will not be in the image; --fresh makes/)
})

test('a fresh tree takes the place of the one that is kept, and is kept itself', async () => {
  keep('2026-11-28T12:00:00Z')
  assert.deepEqual(await taken({ packages: 'new', fresh: true }).then(({ text }) => text), 'new')
  assert.equal((await taken({})).text, 'new')
  assert.equal(readdirSync(cache).length, 1)
})

test('a fresh tree that cannot be made leaves the one that is kept', async () => {
  keep('2026-11-28T12:00:00Z')
  await assert.rejects(taken({ packages: 'gone', fresh: true }), /does not answer/)
  assert.equal((await taken({})).text, 'kept')
})

test('packages of other servers are another tree', async () => {
  keep('2026-11-28T12:00:00Z')
  for (const other of [{ mirror: 'http://snapshot.example.org/debian' }, { security: 'http://snapshot.example.org/security' }])
    assert.equal((await taken({ packages: 'theirs', from: { ...source, ...other } })).text, 'theirs')
  assert.equal((await taken({})).text, 'kept')
})
