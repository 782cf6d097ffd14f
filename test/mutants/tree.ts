import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'

export const root = new URL('../..', import.meta.url).pathname

/** A copy of sources and tests that may be broken; `node_modules` is the one of this tree. It goes with `Symbol.dispose`. */
export function copyOfTree(): { path: string } & Disposable {
  const path = mkdtempSync(`${tmpdir()}/outpost-mutation-`)
  for (const part of ['src', 'test', 'docs', 'boards', 'package.json', 'tsconfig.json'])
    cpSync(`${root}${part}`, `${path}/${part}`, { recursive: true })
  symlinkSync(`${root}node_modules`, `${path}/node_modules`)
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
