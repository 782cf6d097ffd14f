import { createHmac } from 'node:crypto'
import { isBase64, type Mechanism, mechanism, Unsound } from './mechanism.ts'

/** CRAM-MD5 (RFC 2195): the password stays here, a keyed digest of the server's challenge goes out. */
export function cramMd5(user: string, password: string): Mechanism {
  let answered = false
  return mechanism({
    name: 'CRAM-MD5',
    secrets: [password],
    next(challenge, raw) {
      if (answered) throw new Unsound('The server sent a second challenge, where CRAM-MD5 has one.')
      // Without a challenge the digest would be good for ever.
      if (challenge.length === 0 || !isBase64(raw)) throw new Unsound('The server sent no challenge that can be read.')
      answered = true
      return `${user} ${createHmac('md5', password).update(challenge).digest('hex')}`
    },
  })
}
