import type { Server } from 'node:net'
import { NetError } from '../net.ts'
import { codeOf } from './limited.ts'

/** Resolves when a server listens. Rejects with NetError when the place cannot be had. */
export function listening(server: Pick<Server, 'once' | 'listen'>, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: Error) => reject(new NetError('connect', codeOf(error), whyNoPlace(host, port, error), { cause: error })))
    server.listen(port, host, resolve)
  })
}

/** Why nobody can listen there, and what to do about it. */
export function whyNoPlace(host: string, port: number, error: Error): string {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const code = codeOf(error)
  switch (code) {
    case 'EADDRINUSE':
      return `Something else listens on ${place} already. Stop it, or choose another port.`
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${host}, or not yet. 0.0.0.0:${port} listens on all that it has.`
    case 'EACCES':
      return `The system lets nobody but root listen on ${place}. Choose a port from 1024 on, or allow it: sysctl net.ipv4.ip_unprivileged_port_start=${port}`
    default:
      return `cannot listen on ${place}: ${code}`
  }
}
