import type { Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { NetError, type TlsFacts } from '../net.ts'
import type { ServerKey } from '../serve.ts'
import { codeOf, limited } from './limited.ts'

/** The server's side of a handshake on a stream that began in clear. Rejects with NetError. */
export async function accepted(
  plain: Socket,
  peer: string,
  { key, cert }: ServerKey,
  timeoutMs: number,
): Promise<{ socket: TLSSocket; facts: TlsFacts }> {
  const socket = new TLSSocket(plain, { isServer: true, secureContext: createSecureContext({ key, cert, minVersion: 'TLSv1.2' }) })
  const done = new Promise<void>((resolve, reject) => {
    socket.once('secure', resolve)
    socket.on('error', (error) =>
      reject(new NetError('tls', codeOf(error), `the TLS handshake of ${peer} failed: ${codeOf(error)}`, { cause: error })),
    )
    socket.once('close', () => reject(new NetError('tls', 'ECONNRESET', `${peer} left during the TLS handshake`)))
  })
  await limited(done, timeoutMs, () => {
    socket.destroy()
    return new NetError('tls', 'ETIMEDOUT', `${peer} did not finish the TLS handshake in ${timeoutMs} ms`)
  })
  const facts: TlsFacts = {
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    resumed: socket.isSessionReused(),
    chain: [],
  }
  return { socket, facts }
}
