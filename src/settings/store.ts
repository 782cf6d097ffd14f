import { hash } from 'node:crypto'
import { Low } from 'lowdb'
import type { Disk } from '../ports/disk.ts'
import { checkSettings } from './check.ts'
import { DurableJson, keep } from './durable.ts'
import type { Finding } from './finding.ts'
import type { Settings } from './schema.ts'

/** The settings of a data directory: lowdb over the durable adapter. The file keeps what the user wrote; defaults are filled in on reading. */
export class SettingsStore {
  readonly #adapter: DurableJson<Settings>
  readonly #low: Low<Settings>
  #findings: Finding[] = []

  constructor(disk: Disk, dir: string) {
    this.#adapter = new DurableJson(disk, dir, 'settings.json', (_, text) => this.#accept(text))
    this.#low = new Low<Settings>(this.#adapter, defaults())
  }

  /** Reads the settings; makes the file when there is none. Without `settings` the findings say why, and nothing was overwritten. */
  async load(): Promise<{ settings?: Settings; findings: Finding[]; notes: string[] }> {
    this.#findings = []
    const value = await this.#adapter.read()
    const { notes, broken } = this.#adapter
    if (value) {
      this.#low.data = value
      return { settings: value, findings: this.#findings, notes }
    }
    if (broken !== undefined)
      return {
        findings:
          this.#findings.length > 0
            ? this.#findings
            : [{ path: '', what: broken, write: 'Mend settings.json, or remove it to start anew.', level: 'error' }],
        notes,
      }
    this.#low.data = defaults()
    await this.#low.write()
    return {
      settings: this.#low.data,
      findings: [],
      notes: [...notes, 'There were no settings; the defaults were written to settings.json.'],
    }
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
    this.#findings = findings
    if (!settings) throw new Error(findings.map((finding) => [finding.path, finding.what].filter(Boolean).join(': ')).join(' '))
    return settings
  }
}

/** What a first run works with: the embedded broker and the operator on the box. */
function defaults(): Settings {
  const { settings } = checkSettings('{}')
  if (!settings) throw new Error('the default settings are not valid')
  return settings
}
