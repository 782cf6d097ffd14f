import { readdirSync, readFileSync } from 'node:fs'

/** Tree: this checkout. Paths are those in it, such as `src/queue/journal.ts`. */
export const root = new URL('../..', import.meta.url)

export const textOf = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/** Every TypeScript file below a folder, sorted. */
export const filesIn = (dir: string): string[] =>
  (readdirSync(new URL(dir, root), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${dir}/${name}`)
    .sort()

/** `queue` of `src/queue/journal.ts` and of its tests. */
export const roomOf = (path: string): string => path.split('/')[1] ?? ''
