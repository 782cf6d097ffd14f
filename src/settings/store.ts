import { hash } from 'node:crypto'
import { Low } from 'lowdb'
import { type Disk, isDiskError, isReadOnly } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'
import { checkSettings } from './check.ts'
import { DurableJson, keep } from './durable.ts'
import type { Finding } from './finding.ts'
import type { Settings } from './schema.ts'

/**
 * When the settings of before the last change may stand for those that cannot be used: always, since a box has to start; for a file that a power cut tore, but
 * not for one that somebody wrote wrong; or never, where those in use are newer.
 */
export type Predecessor = 'always' | 'when torn' | 'never'

/** The settings of a data directory: lowdb over the durable adapter. The file keeps what the user wrote; defaults are filled in on reading. */
export class SettingsStore {
  readonly #adapter: DurableJson<Settings>
  readonly #low: Low<Settings>
  #findings: Finding[] = []
  /** Of the file that was not accepted. */
  #faults: Finding[] = []

  constructor(disk: Disk, dir: string) {
    this.#adapter = new DurableJson(disk, dir, 'settings.json', (_, text) => this.#accept(text))
    this.#low = new Low<Settings>(this.#adapter, defaults())
  }

  /**
   * Reads the settings; makes the file when there is none. Without `settings` the findings say why, and nothing was overwritten. When those of before will do
   * instead, the notes say so.
   */
  async load(predecessor: Predecessor = 'when torn'): Promise<{ settings?: Settings; findings: Finding[]; notes: string[] }> {
    this.#findings = []
    this.#faults = []
    const value = await this.#adapter.read()
    const { notes, broken, refused, torn } = this.#adapter
    const isBackup = refused !== undefined || torn !== undefined
    if (value && isBackup && (predecessor === 'never' || (predecessor === 'when torn' && refused !== undefined)))
      return { findings: this.#faults.length > 0 ? this.#faults : [spoiled(torn ?? '')], notes: [] }
    if (value) {
      this.#low.data = value
      return { settings: value, findings: this.#findings, notes }
    }
    if (broken !== undefined)
      return {
        findings: this.#faults.length > 0 ? this.#faults : [spoiled(broken)],
        notes,
      }
    this.#low.data = defaults()
    return { settings: this.#low.data, findings: [], notes: [...notes, await this.#begin()] }
  }

  /** Writes the defaults. A disk that takes nothing must not keep the box from starting. */
  async #begin(): Promise<string> {
    try {
      await this.#low.write()
      return 'There were no settings; the defaults were written to settings.json.'
    } catch (error) {
      if (!isReadOnly(error)) throw error
      return `There are no settings; the defaults are in use and could not be written: ${sentence(error)}`
    }
  }

  /**
   * For who works by settings already: those of the file, and where it cannot be used `inUse`, with what is wrong of the file among the findings. What is saved
   * next is in place of the file, which is put aside. Nothing is written.
   */
  async loadOver(inUse: Settings): Promise<{ settings: Settings; findings: Finding[] }> {
    this.#findings = []
    this.#faults = []
    const value = await this.#adapter.read().catch((error: unknown) => {
      if (!isDiskError(error)) throw error
      return null
    })
    const { fault, torn } = this.#adapter
    this.#low.data = value && fault === undefined ? value : inUse
    if (value && fault === undefined) return { settings: value, findings: this.#findings }
    const faults = this.#faults.length > 0 ? this.#faults : torn === undefined ? [] : [spoiled(torn)]
    return { settings: inUse, findings: [notTaken(faults.length > 0 ? '' : ` (${fault ?? 'the disk does not give it'})`), ...faults] }
  }

  /** Changes with every change of the settings: 16 hexadecimal digits. */
  get revision(): string {
    return hash('sha256', JSON.stringify(this.#low.data)).slice(0, 16)
  }

  /** Durable when it resolves. Rejects with DiskError; then the settings are what they were. */
  async save(settings: Settings): Promise<void> {
    await keep(this.#low, settings)
  }

  #accept(text: string): Settings {
    const { settings, findings } = checkSettings(text)
    if (settings) this.#findings = findings
    else if (this.#faults.length === 0) this.#faults = findings
    if (!settings) throw new Error(findings.map((finding) => [finding.path, finding.what].filter(Boolean).join(': ')).join(' '))
    return settings
  }
}

const spoiled = (what: string): Finding => ({ path: '', what, write: 'Mend settings.json, or remove it to start anew.', level: 'error' })

const notTaken = (why: string): Finding => ({
  path: '',
  what: `settings.json cannot be used${why}. What is shown here are the settings that the box works by.`,
  write: 'Save these, and what stands there is put aside as settings.json.refused; or mend that file.',
  level: 'error',
})

/** What a first run works with: the embedded broker and the operator on the box. */
function defaults(): Settings {
  const { settings } = checkSettings('{}')
  if (!settings) throw new Error('the default settings are not valid')
  return settings
}
