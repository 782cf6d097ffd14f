import type { Disk } from '../ports/disk.ts'
import { isDiskError } from '../ports/disk.ts'
import type { Finding } from './check.ts'
import { DurableJson } from './durable.ts'
import type { Settings } from './schema.ts'

/**
 * Secrets by name: from the environment (OUTPOST_SECRET_<NAME>), from $CREDENTIALS_DIRECTORY, or from secrets.json (0600). They never stand in
 * the settings.
 */
export class Secrets {
  readonly notes: string[]
  readonly #file: Readonly<Record<string, string>>
  readonly #credentials: ReadonlyMap<string, string>
  readonly #env: Readonly<Record<string, string | undefined>>

  private constructor(
    file: Record<string, string>,
    credentials: Map<string, string>,
    env: Readonly<Record<string, string | undefined>>,
    notes: string[],
  ) {
    this.#file = file
    this.#credentials = credentials
    this.#env = env
    this.notes = notes
  }

  static async load(disk: Disk, dir: string, env: Readonly<Record<string, string | undefined>>): Promise<Secrets> {
    const adapter = new DurableJson<Record<string, string>>(disk, dir, 'secrets.json', accept)
    const file = (await adapter.read()) ?? {}
    const notes =
      adapter.broken === undefined
        ? adapter.notes
        : [...adapter.notes, `secrets.json cannot be used: ${adapter.broken}. Write { "name": "value" }.`]
    return new Secrets(file, await credentialsIn(disk, env.CREDENTIALS_DIRECTORY), env, notes)
  }

  get(name: string): string | undefined {
    const flat = name.replace(/[^A-Za-z0-9]/g, '_')
    return (
      this.#env[`OUTPOST_SECRET_${flat.toUpperCase()}`] ??
      this.#credentials.get(name) ??
      this.#credentials.get(name.replace(/[:/]/g, '_')) ??
      (Object.hasOwn(this.#file, name) ? this.#file[name] : undefined)
    )
  }

  /** Every value, for whoever must not print one. */
  values(): string[] {
    const fromEnv = Object.entries(this.#env).flatMap(([name, value]) => (name.startsWith('OUTPOST_SECRET_') && value ? [value] : []))
    return [...new Set([...Object.values(this.#file), ...this.#credentials.values(), ...fromEnv])]
  }

  /** References of the settings that lead nowhere. */
  missing(settings: Settings): Finding[] {
    return [...references(settings, '')].flatMap(([path, name]) =>
      this.get(name) === undefined
        ? [
            {
              path,
              what: `There is no secret ${name}.`,
              write: `Put "${name}": "…" into secrets.json, or set OUTPOST_SECRET_${name.replace(/[^A-Za-z0-9]/g, '_').toUpperCase()}.`,
              level: 'note' as const,
            },
          ]
        : [],
    )
  }
}

function accept(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is not an object')
  for (const [name, secret] of Object.entries(value))
    if (typeof secret !== 'string') throw new Error(`the value of ${JSON.stringify(name)} is not a text`)
  return value as Record<string, string>
}

function* references(value: unknown, path: string): Generator<[path: string, name: string]> {
  if (typeof value !== 'object' || value === null) return
  if ('secret' in value && typeof value.secret === 'string') yield [path, value.secret]
  else
    for (const [key, inner] of Object.entries(value))
      yield* references(inner, Array.isArray(value) ? `${path}[${key}]` : path ? `${path}.${key}` : key)
}

async function credentialsIn(disk: Disk, dir: string | undefined): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  if (!dir) return found
  try {
    for (const name of await disk.list(dir))
      found.set(
        name,
        Buffer.from(await disk.read(`${dir}/${name}`))
          .toString()
          .replace(/\r?\n$/, ''),
      )
  } catch (error) {
    if (!isDiskError(error)) throw error
  }
  return found
}
