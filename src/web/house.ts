import type { Board } from '../board/schema.ts'
import type { Hardware } from '../device/hardware.ts'
import type { Desk } from '../gateway/desk.ts'
import type { Plan } from '../gateway/plan.ts'
import type { Tap } from '../gateway/tap.ts'
import type { LogBook } from '../ports/log-book.ts'
import type { Outside } from '../ports/ports.ts'
import type { Step } from '../relay/probe/probe.ts'
import type { DeviceStore } from '../settings/device.ts'
import type { Finding } from '../settings/finding.ts'
import type { Settings } from '../settings/schema.ts'
import type { CertificateFacts } from './certificate.ts'
import type { Chronicle } from './chronicle.ts'
import type { Door } from './door.ts'
import { Fault } from './fault.ts'

/**
 * House: what the page may ask of the process around it. The gateway inside is another one after each change of the settings.
 */
export interface House {
  readonly ports: Outside
  readonly dir: string
  readonly software: string
  readonly builtAt: number
  /** Of the settings that the gateway works by. */
  readonly siteName: string
  readonly book: LogBook
  readonly tap: Tap
  readonly door: Door
  readonly chronicle: Chronicle
  readonly device: DeviceStore
  /** Undefined: no file of boards/ knows this machine. */
  readonly board: Board | undefined
  /** What the machine underneath told last. */
  readonly hardware: Hardware
  /** Names under which this box may be called, in small letters. */
  readonly names: ReadonlySet<string>
  /** Undefined while the gateway starts, or cannot. */
  desk(): Desk | undefined
  /** Why there is no desk; a sentence. */
  readonly standsStill: string | undefined
  /** The gateway did not start with the settings in use, and is tried again. */
  readonly cannotStart: boolean
  /** As they are saved, and what is to be said of them. Where the file cannot be used, those that the gateway works by, and what is wrong of the file. */
  settings(): Promise<{ settings: Settings; revision: string; findings: Finding[] }>
  /**
   * Saves and begins to work by them. `typed` are values of secrets by their names, which are kept with them once the settings were judged. Whatever is wrong, nothing was changed: the findings say what. Rejects with DiskError when it
   * is the disk.
   */
  save(value: unknown, revision: string, typed?: Readonly<Record<string, string>>): Promise<Saved>
  /** The plan of settings, saved or not. */
  plan(settings?: Settings): Promise<Plan>
  /** The source of kind http whose token this is. */
  hookOf(token: string): string | undefined
  /** Names of secrets that the settings refer to, and whether there is one. */
  secrets(settings: Settings): { name: string; known: boolean }[]
  /** Puts a secret into secrets.json and works by it. A sentence: it cannot be kept, and why. */
  keepSecret(name: string, value: string): Promise<string | undefined>
  /** Why a secret of this name cannot be kept; undefined: it can. */
  whyNotKept(name: string): string | undefined
  /** The values of secrets.json, for a backup under a passphrase. */
  secretValues(): Promise<Record<string, string>>
  /** Walks the way to a relay, saved or not, up to RCPT. `typed` are secrets by their names, for a relay that is not saved and for this walk alone. Throws Fault when the relay is not valid. */
  probe(relay: unknown, typed: Readonly<Record<string, string>>, to: string | undefined): Promise<AsyncIterable<Step>>
  /** Of the page; made at the first question, also while it is served in clear. Undefined: it cannot be used, and the log says why. */
  certificate(): Promise<CertificateFacts | undefined>
  /** Puts a certificate in place. Throws Fault when key and certificate are no pair. */
  keepCertificate(key: string, cert: string): Promise<void>
  /** How long the page stays in its new place unless somebody confirms it; undefined when there is nothing to confirm. */
  readonly trialLeftMs: number | undefined
  /** It is well in its new place. False: nothing was to be confirmed. Throws Fault when the disk does not take that; then it still has to be. */
  confirm(): Promise<boolean>
  /** Stops the gateway and starts it anew. */
  restart(): void
  /** Takes away everything that was ever kept, and begins as a new box. */
  reset(): void
}

export type Saved =
  | { kind: 'saved'; revision: string; findings: Finding[] }
  | { kind: 'stale'; revision: string }
  | { kind: 'wrong'; findings: Finding[] }

/** The desk. Throws Fault while the gateway stands still. */
export function deskOf(house: House): Desk {
  const desk = house.desk()
  if (desk) return desk
  throw new Fault(503, house.standsStill ?? 'The gateway is starting.', 'Try again in a moment.', { 'Retry-After': '3' })
}
