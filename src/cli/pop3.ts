import { Drop } from '../mailbox/drop.ts'
import { servePop3 } from '../mailbox/pop3.ts'
import { sentence } from '../ports/log.ts'
import type { Server } from '../ports/serve.ts'
import { hostAndPort } from '../settings/address.ts'
import { Slowdown } from '../web/slowdown.ts'
import type { Scene } from './command.ts'
import type { Household } from './household.ts'
import { ownWebKey } from './web-key.ts'

/** One reader has a mail program that opens a few. */
const connectionsLimit = 16
const againMs = 5000
const lookMs = 1000

/** Serves the mailbox over POP3 while the settings say so, until the returned function is called. A port that cannot be had stops nothing. */
export async function servePop3Mailbox(scene: Scene, household: Household): Promise<() => Promise<void>> {
  const { clock, log, disk, serve } = scene.ports
  const guesses = new Slowdown(clock, 0)
  const sizes = new Map<string, number>()
  const busy = new Set<string>()
  let server: Server | undefined
  let where: string | undefined
  let stopped = false
  let cancel = () => {}
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
  const look = async (): Promise<void> => {
    const { pop3 } = household.current.mailbox
    const wanted = pop3.enabled ? `${pop3.listen} ${household.certificateCount}` : undefined
    let waitMs = lookMs
    if (wanted !== where || (wanted !== undefined && !server)) {
      await server?.close()
      server = undefined
      where = wanted
      try {
        if (wanted !== undefined) {
          const { key, cert } = await ownWebKey(scene, [...household.names])
          const options = { clock, log, key: { key, cert }, passwordOf: (user: string) => household.mailboxPassword(user), open, guesses }
          server = await serve.listen(
            { ...hostAndPort(pop3.listen), maxConnections: connectionsLimit },
            (wire) => void servePop3(wire, options),
          )
          log('info', 'pop3: listening', { listen: pop3.listen })
        }
      } catch (error) {
        log('warning', 'pop3: cannot listen yet', { listen: pop3.listen, why: sentence(error) })
        waitMs = againMs
      }
    }
    if (!stopped) cancel = clock.after(waitMs, () => void look())
  }
  await look()
  return async () => {
    stopped = true
    cancel()
    await server?.close()
  }
}
