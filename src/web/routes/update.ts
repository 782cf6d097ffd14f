import { z } from 'zod'
import { Hatch, type System, systemOf, whyNotTaken } from '../../device/update.ts'
import { hex } from '../../ports/random.ts'
import { Fault } from '../fault.ts'
import type { House } from '../house.ts'
import { json, route } from '../route.ts'

/** A new system: a signed bundle comes in pieces, is looked at, and is installed beside the one that runs. */
export type { System } from '../../device/update.ts'

const pieceBytes = 1024 * 1024

async function systemHere({ ports }: House): Promise<System> {
  const system = await systemOf(ports.sys)
  if (system) return system
  throw new Fault(
    501,
    'This system was not flashed from an image of Outpost.',
    'Update Outpost as you installed it: by its package, or by npm.',
  )
}

const hatchOf = ({ ports, dir }: House): Hatch => new Hatch(ports.disk, dir)

const about = route({
  method: 'GET',
  path: '/api/update',
  title: 'The system that runs, and what became of the last bundle',
  access: { kind: 'machine', scope: 'read' },
  byItself: true,
  run: async ({ house }) => json({ ...(await systemHere(house)), received: await hatchOf(house).received() }),
})

const piece = route<Uint8Array, { offset: number }>({
  method: 'POST',
  path: '/api/update',
  title: 'The octets of a bundle from `offset` on, one MiB at most; at 0 it begins anew',
  access: { kind: 'machine', scope: 'all' },
  raw: true,
  maxBytes: pieceBytes,
  query: z.strictObject({ offset: z.coerce.number().int().min(0) }),
  run: async ({ house, query, body }) => {
    await systemHere(house)
    const { settings } = await house.settings()
    const put = await hatchOf(house).put(query.offset, body, settings.queue.maxMiB * 1_048_576)
    if (put.kind === 'taken') return json({ received: put.here })
    const { error, hint } = whyNotTaken(put)
    throw new Fault(put.kind === 'gap' ? 409 : put.kind === 'large' ? 413 : 507, error, hint)
  },
})

const check = route({
  method: 'POST',
  path: '/api/update/check',
  title: 'The bundle is whole: its signature, board and version are looked at; /api/update answers with this request',
  access: { kind: 'machine', scope: 'all' },
  run: async ({ house }) => {
    await systemHere(house)
    const hatch = hatchOf(house)
    if ((await hatch.received()) === 0) throw new Fault(409, 'There is no bundle.', 'Send one to /api/update first.')
    const request = hex(house.ports.random.bytes(8))
    await hatch.check(request)
    return json({ request }, 202)
  },
})

const install = route({
  method: 'POST',
  path: '/api/update/install',
  title: 'Installs the bundle that was found good, and restarts the box',
  access: { kind: 'machine', scope: 'all' },
  run: async ({ house }) => {
    const { state } = await systemHere(house)
    if (state !== 'checked') throw new Fault(409, 'There is no bundle that was found good.', 'Send one, and let it be checked first.')
    const request = hex(house.ports.random.bytes(8))
    await hatchOf(house).install(request)
    house.ports.log('warning', 'update: is being installed; the box restarts')
    return json({ request }, 202)
  },
})

export const updateRoutes = [about, piece, check, install]
