import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { NetError, type NetStage, type WebRequest, type WebResponse, webAddress } from '../net.ts'

/**
 * One request over HTTPS on Node's own client: a connection of its own, no redirects, no cookies, an end to every wait. `contextOf` has the
 * authorities that are trusted, and `ca`; `explain` makes a sentence of a failed handshake.
 */
export async function webRequest(
  request: WebRequest,
  contextOf: (ca?: string) => SecureContext,
  explain: (peer: string, error: Error) => string,
): Promise<WebResponse> {
  const address = webAddress(request.url)
  const secure = address.protocol === 'https:'
  const peer = address.host
  const outgoing = begin(request, address, secure, contextOf)
  let stage: NetStage = isIP(address.hostname.replace(/^\[(.*)\]$/, '$1')) ? 'connect' : 'dns'
  let late: NetError | undefined
  outgoing.on('socket', (socket: Socket) => {
    socket.on('lookup', (error) => {
      if (!error) stage = 'connect'
    })
    socket.once('connect', () => {
      stage = secure ? 'tls' : 'stream'
    })
    socket.once('secureConnect', () => {
      stage = 'stream'
    })
  })
  const fail = (error: Error): NetError => {
    if (late || error instanceof NetError) return late ?? (error as NetError)
    const code = String((error as NodeJS.ErrnoException).code ?? 'EUNKNOWN')
    if (code.startsWith('HPE_')) return new NetError('stream', 'EPROTO', `${peer} said something that is not HTTP`, { cause: error })
    const sentence: Record<NetStage, string> = {
      dns: `the name ${address.hostname} could not be looked up: ${code}`,
      connect: `${peer} cannot be reached: ${code}`,
      tls: explain(peer, error),
      stream: `the connection to ${peer} broke: ${code}`,
    }
    return new NetError(stage, code, sentence[stage], { cause: error })
  }
  // The one clock for all of it: a server that drips an octet a second keeps no timer of a socket from starting anew.
  const timer = setTimeout(() => {
    late = new NetError(stage, 'ETIMEDOUT', `${peer} had not answered after ${request.timeoutMs} ms`)
    outgoing.destroy(late)
  }, request.timeoutMs)
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve)
      outgoing.on('error', reject)
      outgoing.end(request.body)
    })
    return { status: response.statusCode ?? 0, headers: headersOf(response), body: await bodyOf(response, request.maxBytes, peer) }
  } catch (error) {
    throw fail(error instanceof Error ? error : new Error(String(error)))
  } finally {
    clearTimeout(timer)
    outgoing.destroy()
  }
}

function begin(request: WebRequest, address: URL, secure: boolean, contextOf: (ca?: string) => SecureContext): ClientRequest {
  const options = {
    method: request.method,
    headers: { 'user-agent': 'Outpost', 'accept-encoding': 'identity', ...request.headers },
    agent: false as const,
    // Node gives each address 250 ms, less than a satellite takes for one answer.
    autoSelectFamilyAttemptTimeout: Math.max(1000, Math.floor(request.timeoutMs / 4)),
  }
  if (!secure) return plainRequest(address, options)
  // Passed on to tls.connect(), which the types of https do not say.
  const trusting = { secureContext: contextOf(request.ca) }
  return secureRequest(address, { ...options, ...trusting })
}

async function bodyOf(response: IncomingMessage, maxBytes: number, peer: string): Promise<Uint8Array> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > maxBytes) throw new NetError('stream', 'EFBIG', `${peer} answered with more than ${maxBytes} octets`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

const headersOf = (response: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(response.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')]))
