import { relayOf } from '../gateway/plan.ts'
import type { RelayOptions } from '../relay/relay.ts'
import { checkSettings } from '../settings/check.ts'
import type { EffectiveSettings } from '../settings/schema.ts'
import type { Secrets } from '../settings/secrets.ts'
import { Fault } from '../web/fault.ts'
import type { Scene } from './command.ts'
import { pemsOf, refreshTokenOf } from './plan.ts'

/** Values of secrets that somebody typed, by their names; they are not saved. */
export type TypedSecrets = Readonly<Record<string, string>>

/** Refresh tokens that were renewed before they were saved. */
const renewedLimit = 16

/**
 * Draft relays: relays as the page has them before they are saved, for a walk that leaves nothing behind. A provider may take a refresh token once only: what it gave
 * in place of one that was typed is remembered, so that a second walk and the save after it do not bring the old one.
 */
export class DraftRelays {
  readonly #scene: Scene
  /** By name of the secret. */
  readonly #renewed = new Map<string, { typed: string; now: string }>()

  constructor(scene: Scene) {
    this.#scene = scene
  }

  /** What a relay that is not saved would be. Throws Fault when it is not valid or its `ca` cannot be read. */
  async optionsOf(draft: unknown, typed: TypedSecrets, settings: EffectiveSettings, secrets: Secrets): Promise<RelayOptions> {
    const relay = relayIn(draft)
    const pem = await pemsOf(this.#scene, [relay])
    if (relay.ca !== undefined && !pem.has(relay.ca))
      throw new Fault(422, `ca: ${relay.ca} cannot be read.`, 'Put the PEM file there; the path is relative to the data directory.')
    return relayOf(relay, {
      settings,
      secret: (name) => typedIn(typed, name) ?? secrets.get(name),
      refreshToken: (name) => {
        const value = typedIn(typed, name)
        if (value === undefined) return refreshTokenOf(this.#scene, secrets, name)
        return { read: async () => this.worth(name, value), keep: async (now) => this.#renew(name, { typed: value, now }) }
      },
      pem,
    })
  }

  /** What is to be saved for what was typed. */
  worth(name: string, typed: string): string {
    const renewed = this.#renewed.get(name)
    return renewed?.typed === typed ? renewed.now : typed
  }

  #renew(name: string, renewed: { typed: string; now: string }): void {
    this.#renewed.delete(name)
    this.#renewed.set(name, renewed)
    const [oldest] = this.#renewed.keys()
    if (this.#renewed.size > renewedLimit && oldest !== undefined) this.#renewed.delete(oldest)
  }
}

const typedIn = (typed: TypedSecrets, name: string): string | undefined =>
  Object.hasOwn(typed, name) ? typed[name] || undefined : undefined

function relayIn(draft: unknown) {
  const { settings, findings } = checkSettings(JSON.stringify({ relays: [draft] }))
  const [relay] = settings?.relays ?? []
  const [first] = findings
  if (!relay)
    throw new Fault(422, `${first?.path.replace('relays[0].', '') ?? ''}: ${first?.what ?? 'This is no relay.'}`, first?.write ?? '')
  return relay
}
