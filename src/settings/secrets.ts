import type { Disk } from '../ports/disk.ts'
import { isDiskError } from '../ports/disk.ts'
import { DurableJson } from './durable.ts'
import type { Finding } from './finding.ts'
import type { Settings } from './schema.ts'

type Values = Readonly<Record<string, string>>

/**
 * Secrets by name: from the environment (OUTPOST_SECRET_<NAME>), from $CREDENTIALS_DIRECTORY, or from secrets.json (0600). They never stand in
 * the settings. Only those of secrets.json can be changed from here.
 */
export class Secrets {
  readonly #file: DurableJson<Values>
  readonly #credentials: ReadonlyMap<string, string>
  readonly #env: Readonly<Record<string, string | undefined>>
  #values: Values = {}
  /** One change at a time. */
  #changing: Promise<unknown> = Promise.resolve()

  private constructor(file: DurableJson<Values>, credentials: Map<string, string>, env: Readonly<Record<string, string | undefined>>) {
    this.#file = file
    this.#credentials = credentials
    this.#env = env
  }

  static async load(disk: Disk, dir: string, env: Readonly<Record<string, string | undefined>>): Promise<Secrets> {
    const file = new DurableJson<Values>(disk, dir, 'secrets.json', accept)
    const secrets = new Secrets(file, await credentialsIn(disk, env.CREDENTIALS_DIRECTORY), env)
    secrets.#values = (await file.read()) ?? {}
    return secrets
  }

  /** What had to be mended, or cannot be. */
  get notes(): string[] {
    const { broken, notes } = this.#file
    return broken === undefined ? notes : [...notes, `secrets.json cannot be used: ${broken}. Write { "name": "value" }.`]
  }

  get(name: string): string | undefined {
    return this.#given(name) ?? (Object.hasOwn(this.#values, name) ? this.#values[name] : undefined)
  }

  /** As it stands now: secrets.json is read anew, since another process may have changed it. Rejects with DiskError. */
  async current(name: string): Promise<string | undefined> {
    await this.#change(async () => {
      this.#values = (await this.#file.read()) ?? this.#values
    })
    return this.get(name)
  }

  /** Puts a value into secrets.json; durable when it resolves with undefined. A sentence: it cannot be kept there, and why. Rejects with DiskError. */
  async keep(name: string, value: string): Promise<string | undefined> {
    const kept = await this.keepAll({ [name]: value })
    return 'why' in kept ? kept.why : undefined
  }

  /** Why a value of this name cannot be kept in secrets.json; undefined: it can. */
  whyFixed(name: string): string | undefined {
    return this.#given(name) === undefined ? undefined : fixed(name)
  }

  /** The same for several, all of them or none. `undo` puts back what stood under their names, unless somebody has changed it since. */
  async keepAll(values: Values): Promise<{ why: string } | { undo(): Promise<void> }> {
    const names = Object.keys(values)
    for (const name of names) {
      const why = this.whyFixed(name)
      if (why !== undefined) return { why }
    }
    if (names.length === 0) return { undo: async () => {} }
    return this.#change(async () => {
      const standing = await this.#file.read()
      if (!standing && this.#file.broken !== undefined) return { why: `secrets.json cannot be used: ${this.#file.broken}.` }
      await this.#write({ ...standing, ...values })
      return { undo: () => this.#undo(standing ?? {}, values) }
    })
  }

  #undo(before: Values, values: Values): Promise<void> {
    return this.#change(async () => {
      const now = (await this.#file.read()) ?? {}
      const others = Object.entries(now).filter(([name, value]) => !Object.hasOwn(values, name) || values[name] !== value)
      const back = Object.entries(before).filter(([name]) => Object.hasOwn(values, name) && values[name] === now[name])
      await this.#write(Object.fromEntries([...others, ...back]))
    })
  }

  async #write(values: Values): Promise<void> {
    await this.#file.write(values)
    this.#values = values
  }

  /** Those of secrets.json, as they stand there now. Rejects with DiskError. */
  kept(): Promise<Record<string, string>> {
    return this.#change(async () => ({ ...this.#values, ...(await this.#file.read()) }))
  }

  /** Every name that the settings refer to, and whether there is a value. */
  referred(settings: Settings): { name: string; known: boolean }[] {
    const names = new Set([...references(settings, '')].map(([, name]) => name))
    return [...names].map((name) => ({ name, known: this.get(name) !== undefined }))
  }

  /** From where nothing can be written to. */
  #given(name: string): string | undefined {
    return (
      this.#env[`OUTPOST_SECRET_${name.replace(/[^A-Za-z0-9]/g, '_').toUpperCase()}`] ??
      this.#credentials.get(name) ??
      this.#credentials.get(name.replace(/[:/]/g, '_'))
    )
  }

  #change<T>(deed: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(deed)
    this.#changing = done.catch(() => {})
    return done
  }

  /** Every value, for whoever must not print one. */
  values(): string[] {
    const fromEnv = Object.entries(this.#env).flatMap(([name, value]) => (name.startsWith('OUTPOST_SECRET_') && value ? [value] : []))
    return [...new Set([...Object.values(this.#values), ...this.#credentials.values(), ...fromEnv])]
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

  /** Refresh tokens that a provider may change, standing where nothing can be written to. */
  fixed(settings: Settings): Finding[] {
    return settings.relays.flatMap(({ auth }, index) =>
      auth.kind === 'oauth2' && this.#given(auth.refreshToken.secret) !== undefined
        ? [
            {
              path: `relays[${index}].auth.refreshToken`,
              what: fixed(auth.refreshToken.secret),
              write: 'Put it into secrets.json, unless you know that the provider never changes it.',
              level: 'note' as const,
            },
          ]
        : [],
    )
  }
}

const fixed = (name: string): string =>
  `The secret ${name} comes from the environment or the credentials directory, which cannot be written: a new one from the provider is lost with the next restart.`

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
