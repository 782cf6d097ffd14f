import { connect } from 'node:net'

/** A mailbox, read over POP3 (RFC 1939). */
type Say = (line: string, end?: string) => Promise<string>

/** Every mail. */
export const readAll = (port: number, user: string, password: string, host = '127.0.0.1'): Promise<string[]> =>
  session({ host, port, user, password }, async (say) => {
    const mails: string[] = []
    for (let i = 1, count = await stat(say); i <= count; i++) {
      const whole = await say(`RETR ${i}`, '\r\n.\r\n')
      mails.push(whole.slice(whole.indexOf('\r\n') + 2, -3).replace(/^\.\./gm, '.'))
    }
    return mails
  })

/** How many there are. */
export const countAll = (port: number, user: string, password: string, host = '127.0.0.1'): Promise<number> =>
  session({ host, port, user, password }, stat)

type Account = { host: string; port: number; user: string; password: string }

const stat = async (say: Say): Promise<number> => Number((await say('STAT')).split(' ')[1])

async function session<T>({ host, port, user, password }: Account, use: (say: Say) => Promise<T>): Promise<T> {
  const socket = connect(port, host)
  let buffer = ''
  let gone = false
  let wake: (() => void) | undefined
  socket.on('data', (bytes) => {
    buffer += bytes.toString('latin1')
    wake?.()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    gone = true
    wake?.()
  })
  const take = async (end: string): Promise<string> => {
    for (;;) {
      const at = buffer.indexOf(end)
      if (at >= 0) {
        const text = buffer.slice(0, at + end.length)
        buffer = buffer.slice(at + end.length)
        return text
      }
      if (gone) throw new Error('the POP3 server hung up')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const say: Say = async (line, end = '\r\n') => {
    socket.write(`${line}\r\n`)
    const answer = await take(end)
    if (!answer.startsWith('+OK')) throw new Error(`${line.split(' ')[0]}: ${answer}`)
    return answer
  }
  try {
    await take('\r\n')
    await say(`USER ${user}`)
    await say(`PASS ${password}`)
    const result = await use(say)
    await say('QUIT')
    return result
  } finally {
    socket.destroy()
  }
}
