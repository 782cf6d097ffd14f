import { Drop } from '../mailbox/drop.ts'
import { servePop3 } from '../mailbox/pop3.ts'
import { sentence } from '../ports/log.ts'
import { Slowdown } from '../ports/slowdown.ts'
import { hostAndPort } from '../settings/address.ts'
import type { Scene } from './command.ts'
import type { Household } from './household.ts'
import { keepListening } from './keep-listening.ts'
import { webKeyOrStandIn } from './web-key.ts'

/** One reader has a mail program that opens a few. */
const connectionsLimit = 16

/** Serves the mailbox over POP3 while the settings say so, until the returned function is called. A port that cannot be had stops nothing. */
export async function servePop3Mailbox(scene: Scene, household: Household): Promise<() => Promise<void>> {
  const { clock, log, disk, serve } = scene.ports
  const guesses = new Slowdown(clock, 0)
  const sizes = new Map<string, number>()
  const busy = new Set<string>()
  const open = async (user: string) => {
    if (busy.has(user)) return undefined
    busy.add(user)
    try {
      const drop = await Drop.open(disk, `${scene.dir}/mailbox`, user, sizes)
      return { drop, close: () => void busy.delete(user) }
    } catch (error) {
      busy.delete(user)
      throw error
    }
  }
  return keepListening({
    clock,
    wanted: () => {
      const { pop3 } = household.current.mailbox
      return pop3.enabled ? `${pop3.listen} ${household.certificateCount}` : undefined
    },
    listen: async () => {
      const { listen } = household.current.mailbox.pop3
      const { key, cert } = await webKeyOrStandIn(scene, [...household.names])
      const options = { clock, log, key: { key, cert }, passwordOf: (user: string) => household.mailboxPassword(user), open, guesses }
      const server = await serve.listen(
        { ...hostAndPort(listen), maxConnections: connectionsLimit },
        (wire) => void servePop3(wire, options),
      )
      log('info', 'pop3: listening', { listen })
      return server
    },
    failed: (error) => log('warning', 'pop3: cannot listen yet', { listen: household.current.mailbox.pop3.listen, why: sentence(error) }),
  })
}
