import { readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { type Change, mutated } from './changes.ts'
import { runAll } from './suite.ts'

/**
 * Worker: runs files of tests of one tree over and over in one process, each time with all modules loaded anew and perhaps one of them changed. A line of JSON comes for
 * each run and one goes back; whoever sends them watches the time.
 */
export type Job = { test: string; file?: string; change?: Change }
export type Done = { green: boolean }

const root = new URL('../..', import.meta.url).href
const suite = new URL('suite.ts', import.meta.url).href
const plain = new Map<string, string>()
let count = 0
let job: Job | undefined
let stray: unknown

const stripped = (url: string): string => {
  const known = plain.get(url) ?? stripTypeScriptTypes(readFileSync(new URL(url), 'utf8'))
  plain.set(url, known)
  return known
}

registerHooks({
  resolve(specifier, context, next) {
    const isOurs = context.parentURL?.includes('?run=')
    if (isOurs && specifier === 'node:test') return { url: suite, shortCircuit: true }
    const found = next(specifier, context)
    return isOurs && found.url.startsWith(root) && found.url.endsWith('.ts') ? { ...found, url: `${found.url}?run=${count}` } : found
  },
  load(url, context, next) {
    const [file = '', query] = url.split('?')
    if (query === undefined || !file.endsWith('.ts')) return next(url, context)
    const change = job?.change && file === `${root}${job.file}` ? job.change : undefined
    const source = change ? stripTypeScriptTypes(mutated(readFileSync(new URL(file), 'utf8'), change)) : stripped(file)
    return { format: 'module', source, shortCircuit: true }
  },
})

for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error) => {
    stray = error ?? event
  })

for await (const line of createInterface({ input: process.stdin })) {
  job = JSON.parse(line) as Job
  count++
  stray = undefined
  let green = false
  try {
    await import(`${pathToFileURL(`${new URL(root).pathname}${job.test}`).href}?run=${count}`)
    green = await runAll()
  } catch {
    green = false
  }
  process.stdout.write(`${JSON.stringify({ green: green && stray === undefined } satisfies Done)}\n`)
}
