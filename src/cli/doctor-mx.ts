import { recipient } from '../gateway/people.ts'
import type { Plan } from '../gateway/plan.ts'
import { destinationOf } from '../relay/route/hosts.ts'
import { route } from '../relay/route/route.ts'
import type { Scene } from './command.ts'

type Say = (ok: boolean, words: string, ms: number) => void

/** Where letters for the people of the settings would go, as the DNS has it. Nobody is connected to, and no policy is fetched. */
export async function lookAtDestinations(
  { ports }: { ports: Pick<Scene['ports'], 'clock' | 'random' | 'names'> },
  { people, site, direct }: Pick<Plan, 'people' | 'site' | 'direct'>,
  say: Say,
): Promise<void> {
  const { clock, random } = ports
  const tools = { names: ports.names(direct.dns), random, port: direct.port, own: [site.domain], dane: direct.dane }
  const away = people.map((one) => recipient(one.id, people, site.domain)).filter((one) => !one.local)
  for (const domain of new Set(away.map(({ address }) => destinationOf(address)))) {
    const began = clock.monotonic()
    const found = await route(domain, tools)
    const ms = clock.monotonic() - began
    if (found.kind !== 'hosts') say(false, found.why, ms)
    else {
      const hosts = found.hosts.map(({ name, addresses, security }) => `${name} (${addresses.join(', ')}; TLS ${security})`)
      say(found.passed.length === 0, [`Letters for ${domain} go to ${hosts.join(', ')}.`, ...found.passed].join(' '), ms)
    }
  }
}
