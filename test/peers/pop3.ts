import { connect } from 'node:net'

/** Every mail of a mailbox, read over POP3 (RFC 1939). */
export async function readAll(port: number, user: string, password: string): Promise<string[]> {
  const socket = connect(port, '127.0.0.1')
  let buffer = ''
  let wake: (() => void) | undefined
  socket.on('data', (bytes) => {
    buffer += bytes.toString('latin1')
    wake?.()
  })
  socket.on('error', () => wake?.())
  const take = async (end: string): Promise<string> => {
    for (;;) {
      const at = buffer.indexOf(end)
      if (at >= 0) {
        const text = buffer.slice(0, at + end.length)
        buffer = buffer.slice(at + end.length)
        return text
      }
      if (socket.destroyed) throw new Error('the POP3 server hung up')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const say = async (line: string, end = '\r\n'): Promise<string> => {
    socket.write(`${line}\r\n`)
    const answer = await take(end)
    if (!answer.startsWith('+OK')) throw new Error(`${line.split(' ')[0]}: ${answer}`)
    return answer
  }
  await take('\r\n')
  await say(`USER ${user}`)
  await say(`PASS ${password}`)
  const count = Number((await say('STAT')).split(' ')[1])
  const mails: string[] = []
  for (let i = 1; i <= count; i++) {
    const whole = await say(`RETR ${i}`, '\r\n.\r\n')
    mails.push(whole.slice(whole.indexOf('\r\n') + 2, -3).replace(/^\.\./gm, '.'))
  }
  await say('QUIT')
  socket.destroy()
  return mails
}
