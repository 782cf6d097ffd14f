import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { type Message, messageOf, type Question, queryOf, questionText, rcodes, type Type } from './dns-message.ts'

/**
 * One question to one name server: over UDP, over TCP when the answer did not fit (RFC 7766), once more without EDNS when the server does not know
 * that (RFC 6891 section 6.2.2). What comes is taken only from that server and port, with our id and our question; each question has a fresh id and a
 * port of the system's choice (RFC 5452).
 */
export type Server = { address: string; port: number }
export type Exchanged = { message: Message } | { why: string }

/** Datagrams that are not our answer, after which the port is given up: somebody floods it. */
const strangersLimit = 100
const tcpOctets = 65_535

export async function exchange(server: Server, name: string, type: Type, timeoutMs: number): Promise<Exchanged> {
  const first = await ask(server, name, type, true, timeoutMs)
  const oldServer = 'message' in first && (first.message.rcode === rcodes.FORMERR || first.message.rcode === rcodes.NOTIMP)
  return oldServer ? ask(server, name, type, false, timeoutMs) : first
}

async function ask(server: Server, name: string, type: Type, edns: boolean, timeoutMs: number): Promise<Exchanged> {
  const question: Question = { id: randomInt(0x10000), name, type, edns }
  const query = queryOf(question)
  if (!query) return { why: `${name} cannot be asked for.` }
  const short = await overUdp(server, question, query, timeoutMs)
  return 'message' in short && short.message.truncated ? overTcp(server, question, query, timeoutMs) : short
}

/** The answer to this question, and `mangled` when it bears our id and question but cannot be read. */
function answerTo(question: Question, bytes: Uint8Array): Message | 'stranger' | 'mangled' {
  if (bytes.length < 2 || Buffer.from(bytes).readUInt16BE(0) !== question.id) return 'stranger'
  const message = messageOf(bytes)
  if (!message) return 'mangled'
  if (!message.isResponse) return 'stranger'
  // A server that cannot read a question cannot repeat it.
  const bare = message.question === '' && message.rcode !== rcodes.NOERROR && message.rcode !== rcodes.NXDOMAIN
  return bare || message.question === questionText(question.name, question.type) ? message : 'stranger'
}

function overUdp(server: Server, question: Question, query: Uint8Array, timeoutMs: number): Promise<Exchanged> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(server.address.replace(/%.*$/, '')) ? 'udp6' : 'udp4')
    let strangers = 0
    const done = (exchanged: Exchanged) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => {})
      socket.close()
      resolve(exchanged)
    }
    const timer = setTimeout(() => done({ why: silence(server, timeoutMs) }), timeoutMs)
    socket.on('error', (error) => done({ why: broken(server, error) }))
    socket.on('message', (bytes) => {
      const answer = answerTo(question, bytes)
      if (answer === 'mangled') done({ why: nonsense(server) })
      else if (answer !== 'stranger') done({ message: answer })
      else if (++strangers > strangersLimit)
        done({ why: `Too many answers to other questions came from the name server ${textOf(server)}.` })
    })
    // A connected socket hears nobody else, and is told when nobody listens there. The callback gets the error where there is no way there.
    socket.connect(server.port, server.address, (error?: Error) => (error ? done({ why: broken(server, error) }) : socket.send(query)))
  })
}

function overTcp(server: Server, question: Question, query: Uint8Array, timeoutMs: number): Promise<Exchanged> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port: server.port })
    let heard = Buffer.alloc(0)
    const done = (exchanged: Exchanged) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => {})
      socket.destroy()
      resolve(exchanged)
    }
    const timer = setTimeout(() => done({ why: silence(server, timeoutMs) }), timeoutMs)
    socket.on('error', (error) => done({ why: broken(server, error) }))
    socket.on('end', () => done({ why: `The name server ${textOf(server)} hung up before its answer was whole.` }))
    socket.on('connect', () => socket.write(Buffer.concat([Buffer.from([query.length >> 8, query.length & 0xff]), query])))
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes])
      if (heard.length < 2) return
      const length = heard.readUInt16BE(0)
      if (heard.length < length + 2 && heard.length <= tcpOctets) return
      const answer = answerTo(question, heard.subarray(2, length + 2))
      done(typeof answer === 'string' || answer.truncated ? { why: nonsense(server) } : { message: answer })
    })
  })
}

export const textOf = ({ address, port }: Server): string =>
  `${address.includes(':') ? `[${address}]` : address}${port === 53 ? '' : `:${port}`}`

const silence = (server: Server, timeoutMs: number): string =>
  `The name server ${textOf(server)} did not answer in ${Math.max(1, Math.round(timeoutMs / 1000))} s.`
const nonsense = (server: Server): string => `The name server ${textOf(server)} sent something that is no answer.`
const broken = (server: Server, error: NodeJS.ErrnoException): string =>
  `The name server ${textOf(server)} cannot be reached: ${error.code ?? error.message}.`
