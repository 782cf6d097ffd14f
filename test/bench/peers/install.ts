import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { run } from '../../peers/process.ts'
import type { Install } from './peer.ts'

/** What an installation takes: packages with everything that they need, and their size. */

/** Packages of npm under `root`/node_modules and what they depend on; a package that is there twice counts twice. */
export function npmClosure(root: string, names: readonly string[]): Install {
  const found = new Set<string>()
  const take = (from: string, name: string): void => {
    const dir = resolvePackage(root, from, name)
    if (dir === undefined || found.has(dir)) return
    found.add(dir)
    const { dependencies = {} } = JSON.parse(readFileSync(`${dir}/package.json`, 'utf8')) as { dependencies?: Record<string, string> }
    for (const other of Object.keys(dependencies)) take(dir, other)
  }
  for (const name of names) take(root.replace(/\/$/, ''), name)
  const octets = [...found].reduce((sum, dir) => sum + sizeOf(dir), 0)
  return { mebibytes: octets / 1048576, packages: found.size }
}

/** As Node looks for it: in node_modules of the folder and of those above it. */
function resolvePackage(root: string, from: string, name: string): string | undefined {
  for (let dir = from; dir.length >= root.length - 1; dir = dirname(dir))
    if (existsSync(`${dir}/node_modules/${name}/package.json`)) return `${dir}/node_modules/${name}`
  return undefined
}

/** Octets of its files, without packages that lie in it, which count for themselves. */
function sizeOf(dir: string): number {
  let octets = 0
  for (const name of readdirSync(dir)) {
    const entry = lstatSync(`${dir}/${name}`)
    if (entry.isDirectory()) octets += name === 'node_modules' ? 0 : sizeOf(`${dir}/${name}`)
    else octets += entry.size
  }
  return octets
}

/** As dpkg-query names a field. */
const placeholder = (field: string): string => `$\{${field}}`

type Installed = { kibibytes: number; basic: boolean; needs: string[][] }

/** Packages of Debian and what they depend on, as they are installed here; without those that every Debian has. */
export function debianClosure(names: readonly string[]): Install {
  const packages = installed()
  const found = new Set<string>()
  const take = (name: string): void => {
    const one = packages.get(name)
    if (!one || one.basic || found.has(name)) return
    found.add(name)
    for (const alternatives of one.needs) take(alternatives.find((other) => packages.has(other)) ?? '')
  }
  for (const name of names) take(name)
  const kibibytes = [...found].reduce((sum, name) => sum + (packages.get(name)?.kibibytes ?? 0), 0)
  return { mebibytes: kibibytes / 1024, packages: found.size }
}

function installed(): Map<string, Installed> {
  const fields = ['Package', 'Installed-Size', 'Priority', 'Essential', 'Depends', 'Pre-Depends']
  const text = run('dpkg-query', ['-W', `-f=${fields.map(placeholder).join('\\t')}\\n`])
  const packages = new Map<string, Installed>()
  for (const line of text.split('\n').filter(Boolean)) {
    const [name = '', size = '0', priority = '', essential = '', ...depends] = line.split('\t')
    const needs = depends
      .filter(Boolean)
      .join(', ')
      .split(', ')
      .filter(Boolean)
      .map((one) => one.split(' | ').map((other) => other.replace(/[ :(].*$/, '')))
    packages.set(name, { kibibytes: Number(size), basic: /^(required|important)$/.test(priority) || essential === 'yes', needs })
  }
  return packages
}

export const together = (...installs: Install[]): Install => ({
  mebibytes: installs.reduce((sum, one) => sum + one.mebibytes, 0),
  packages: installs.reduce((sum, one) => sum + one.packages, 0),
})

export const debianVersion = (name: string): string => run('dpkg-query', ['-W', `-f=${placeholder('Version')}`, name]).trim()
