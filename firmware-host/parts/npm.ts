import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Component } from './cyclonedx.ts'

/** What of npm is in a release, as package-lock.json has it: not what only builds and tests it. */
type Lock = { packages: Record<string, LockEntry> }
export type LockEntry = { version?: string; integrity?: string; license?: string; dev?: boolean; optional?: boolean }
/** `path`: below the checkout, such as node_modules/zod. */
export type Shipped = { name: string; path: string; entry: LockEntry }

export const readLock = (root: string): Lock => JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock

/** Needed for building alone, and yet in what is built: the page. */
const inThePage = ['node_modules/preact']

/** Everything that is in the bundle or the page, and Node, which is optional and of one kind a processor. */
export const shippedPackages = (root: string): Shipped[] =>
  Object.entries(readLock(root).packages)
    .filter(([path, { dev }]) => path !== '' && (!dev || inThePage.includes(path)))
    .map(([path, entry]) => ({ name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length), path, entry }))

/** Those of npm that a device with this processor has. */
export const packagesOf = (root: string, arch: string): Shipped[] =>
  shippedPackages(root).filter(({ name, entry }) => !entry.optional || name === `node-linux-${arch}`)

export function componentOf({ name, entry: { version = '', license, integrity, optional } }: Shipped): Component {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  const digest = /^sha512-(.+)$/.exec(integrity ?? '')?.[1]
  return {
    type: 'library',
    name,
    version,
    purl,
    ...(optional ? { scope: 'optional' as const } : {}),
    ...(license === undefined ? {} : { licenses: [{ license: { id: license } }] }),
    ...(digest === undefined ? {} : { hashes: [{ alg: 'SHA-512' as const, content: Buffer.from(digest, 'base64').toString('hex') }] }),
    'bom-ref': purl,
  }
}

/** The words under which everything may be passed on, each once, in front of them the packages that they are for. Throws when a package that is installed has none. */
export function licencesOf(root: string): string {
  const holders = new Map<string, string[]>()
  for (const { name, path, entry } of shippedPackages(root)) {
    // Node of another processor is not installed, and says the same.
    if (entry.optional && !existsSync(join(root, path))) continue
    const file = readdirSync(join(root, path)).find((one) => /^(licen[cs]e|copying)/i.test(one))
    if (file === undefined) throw new Error(`${path} has no licence file: its words must be passed on, so find them.`)
    const words = readFileSync(join(root, path, file), 'utf8')
      .replaceAll('\r\n', '\n')
      .trim()
    holders.set(words, [...(holders.get(words) ?? []), `${name} ${entry.version} (${entry.license})`])
  }
  return [...holders].map(([words, names]) => `${[...new Set(names)].sort().join('\n')}\n\n${words}\n`).join(`\n${'-'.repeat(80)}\n\n`)
}
