import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

/**
 * The shape of the tree, as data (docs/architecture.md). A stage knows the nouns below it and no other stage; only ports touch the world.
 */
const root = new URL('..', import.meta.url).pathname

/** Folder of src -> folders it may import from beside itself. `ports` means the interfaces, never `ports/node`. */
const mayImport: Record<string, readonly string[]> = {
  ports: [],
  alert: ['ports'],
  source: ['alert', 'ports'],
  decode: ['alert', 'ports'],
  rules: ['alert', 'ports'],
  mail: ['alert', 'ports'],
  queue: ['mail', 'alert', 'ports'],
  relay: ['mail', 'ports'],
  mailbox: ['mail', 'alert', 'ports'],
  board: ['alert', 'ports'],
  device: ['ports'],
  settings: ['rules', 'decode', 'mail', 'board', 'alert', 'ports'],
  gateway: ['source', 'decode', 'rules', 'mail', 'queue', 'relay', 'mailbox', 'settings', 'alert', 'ports'],
  'gateway.ts': ['gateway', 'source', 'decode', 'rules', 'mail', 'queue', 'relay', 'mailbox', 'settings', 'alert', 'ports'],
  web: [
    'board',
    'device',
    'gateway.ts',
    'gateway',
    'source',
    'decode',
    'rules',
    'mail',
    'queue',
    'relay',
    'mailbox',
    'settings',
    'alert',
    'ports',
  ],
  /** Types only: it runs in a browser. */
  page: ['web'],
  cli: [
    'web',
    'device',
    'gateway.ts',
    'gateway',
    'source',
    'decode',
    'rules',
    'mail',
    'queue',
    'relay',
    'mailbox',
    'settings',
    'board',
    'alert',
    'ports',
  ],
  'main.ts': ['cli', 'gateway.ts', 'ports', 'ports/node'],
}

/** Packages, and the only folders that may name them. */
const packages: Record<string, readonly string[]> = {
  serialport: ['ports/node'],
  mqtt: ['ports/node'],
  aedes: ['ports/node'],
  lowdb: ['settings'],
  zod: ['settings', 'web', 'board'],
  nodemailer: ['mail'],
  mustache: ['mail'],
  'smtp-server': ['ports/node'],
  hono: ['web'],
  '@hono/node-server': ['ports/node'],
  preact: ['page'],
  esbuild: ['page'],
  '@gfx/zopfli': ['page'],
  uqr: ['cli'],
  re2js: ['rules', 'settings', 'decode'],
}

/** Modules of Node that only compute. Everything else of Node is the world, and belongs to ports/node. */
const pureModules = ['node:crypto', 'node:zlib', 'node:util']

/** What the world looks like when it is not imported. */
const world: readonly [RegExp, string][] = [
  [/\bprocess\.(?!env\.OUTPOST_BUNDLED)/, 'process'],
  [/\bDate\.now\(|\bnew Date\(\)/, 'the clock'],
  [/\bperformance\./, 'the clock'],
  [/\bset(Timeout|Interval|Immediate)\(/, 'a timer'],
  [/\bMath\.random\(|\brandom(Bytes|UUID|Int|FillSync)\(|\bgetRandomValues\(/, 'randomness'],
  [/(?<!\.)\bfetch\(|\bnew WebSocket\(/, 'a socket'],
]

const files = (readdirSync(join(root, 'src'), { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name)).sort()

/** `ports/node/disk.ts` -> `ports/node`; `queue/journal.ts` -> `queue`; `main.ts` -> `main.ts`. */
const roomOf = (file: string): string =>
  /^ports\/node(\.ts$|\/)/.test(file) ? 'ports/node' : file.includes('/') ? (file.split('/')[0] ?? '') : file

const linesOf = (file: string): string[] => readFileSync(join(root, 'src', file), 'utf8').split('\n')

function* imports(file: string): Generator<{ line: number; to: string }> {
  for (const [index, text] of linesOf(file).entries()) {
    const found = /^(?:import|export)\b.*?from '([^']+)'|^} from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/.exec(text)
    const to = found?.[1] ?? found?.[2] ?? found?.[3] ?? found?.[4]
    if (to) yield { line: index + 1, to }
  }
}

test('every file imports only from the rooms that the table allows', () => {
  const faults: string[] = []
  for (const file of files) {
    const room = roomOf(file)
    for (const { line, to } of imports(file)) {
      if (!to.startsWith('.')) continue
      const other = roomOf(normalize(join(dirname(file), to)))
      if (other === room || (room === 'ports/node' && other === 'ports')) continue
      if (!mayImport[room]) faults.push(`src/${file}: the folder ${room} is not in the table of test/tidy.test.ts`)
      else if (!mayImport[room].includes(other))
        faults.push(`src/${file}:${line} imports ${other}; ${room} may import ${mayImport[room].join(', ') || 'nothing'}`)
    }
  }
  assert.deepEqual(faults, [])
})

test('only ports touch the world', () => {
  const faults: string[] = []
  for (const file of files) {
    const room = roomOf(file)
    if (room === 'ports/node' || room === 'main.ts' || room === 'page') continue
    for (const { line, to } of imports(file)) {
      if (to.startsWith('node:') && !pureModules.includes(to)) faults.push(`src/${file}:${line} imports ${to}; only src/ports/node may`)
      const name = to.startsWith('@') ? to : (to.split('/')[0] ?? '')
      if (!to.startsWith('.') && !to.startsWith('node:') && !packages[name]?.includes(room))
        faults.push(`src/${file}:${line} imports ${name}; only ${packages[name]?.join(', ') ?? 'nobody'} may`)
    }
    for (const [index, text] of linesOf(file).entries()) {
      const code = text.replace(/\/\/.*$|^\s*\*.*$|\/\*.*?\*\//, '')
      for (const [pattern, what] of world)
        if (pattern.test(code)) faults.push(`src/${file}:${index + 1} touches ${what}; ask a port for it`)
    }
  }
  assert.deepEqual(faults, [])
})

test('only main.ts exits, and it alone takes the real ports', () => {
  const faults = files.flatMap((file) =>
    [...imports(file)].flatMap(({ line, to }) =>
      /ports\/node(\.ts|\/)/.test(to) && file !== 'main.ts' && roomOf(file) !== 'ports/node' ? [`src/${file}:${line} imports ${to}`] : [],
    ),
  )
  assert.deepEqual(faults, [])
})

test('no file imports itself by way of others', () => {
  const graph = new Map(
    files.map((file) => [
      file,
      [...imports(file)].filter(({ to }) => to.startsWith('.')).map(({ to }) => normalize(join(dirname(file), to))),
    ]),
  )
  const typeOnly = (from: string, to: string) =>
    linesOf(from).some((text) => /^import type/.test(text) && text.includes(`/${to.split('/').at(-1)}'`))
  const done = new Set<string>()
  const path: string[] = []
  const cycles: string[] = []
  const visit = (file: string): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
      return
    }
    if (done.has(file)) return
    path.push(file)
    for (const next of graph.get(file) ?? []) if (!typeOnly(file, next)) visit(next)
    path.pop()
    done.add(file)
  }
  for (const file of files) visit(file)
  assert.deepEqual(cycles, [])
})

test('nothing in the tree speaks of anything but the project', () => {
  const faults = files.flatMap((file) =>
    linesOf(file).flatMap((text, index) => (/\b(TODO|FIXME|XXX)\b/.test(text) ? [`src/${file}:${index + 1}`] : [])),
  )
  assert.deepEqual(faults, [])
})

test('the page takes nothing of the gateway but types', () => {
  const faults = files
    .filter((file) => roomOf(file) === 'page')
    .flatMap((file) =>
      linesOf(file).flatMap((text, index) =>
        /from '(\.\.\/)+web\//.test(text) && !/^(import|export) type /.test(text) ? [`src/${file}:${index + 1}`] : [],
      ),
    )
  assert.deepEqual(faults, [])
})

test('what hosts the gateway takes nothing of its sources, and the gateway nothing of its host', () => {
  const listed = (folder: string) =>
    (readdirSync(join(root, folder), { recursive: true }) as string[])
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => join(folder, name))
  const names = (file: string) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/from '(\.[^']+)'/g)].map(([, to = '']) => normalize(join(dirname(file), to)))
  const host = listed('firmware-host')
  assert.ok(host.length > 10)
  assert.deepEqual(
    host.filter((file) => names(file).some((to) => !to.startsWith('firmware-host/'))),
    [],
  )
  assert.deepEqual(
    listed('src').filter((file) => names(file).some((to) => to.startsWith('firmware-host/'))),
    [],
  )
})
