import type { Server } from 'node:net'
import { NetError } from '../net.ts'
import { codeOf } from './limited.ts'

/** Resolves when a server listens. Rejects with NetError when the place cannot be had. */
export function listening(server: Pick<Server, 'once' | 'listen'>, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: Error) =>
      reject(new NetError('connect', codeOf(error), `cannot listen on ${host}:${port}: ${codeOf(error)}`, { cause: error })),
    )
    server.listen(port, host, resolve)
  })
}
