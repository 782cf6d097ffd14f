import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { saslName } from './bearer.ts'
import { isBase64, type Mechanism, mechanism, Unsound } from './mechanism.ts'
import { saslPrep } from './saslprep.ts'

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677): the password stays here, and the server must prove that it knows it, too; what does not bear its
 * signature is no success. Without channel binding (no -PLUS).
 */
/** RFC 7677 section 4. Fewer would help whoever is after the password. */
const fewestIterations = 4096
/** The event loop stands still meanwhile: 70 ms on a server, some 1.5 s on a small board. */
const mostIterations = 600_000

/** Undefined when name or password cannot be prepared as RFC 5802 section 5.1 wants. `nonce`: printable ASCII without a comma, new each time. */
export function scramSha256(user: string, password: string, nonce: string): Mechanism | undefined {
  const name = saslPrep(user)
  const prepared = saslPrep(password)
  if (!name || !prepared) return undefined
  const bare = `n=${saslName(name)},r=${nonce}`
  let signature: Buffer | undefined
  let over = false
  let proven = false
  return mechanism({
    name: 'SCRAM-SHA-256',
    initial: `n,,${bare}`,
    secrets: [password, prepared],
    next(challenge) {
      if (over) throw new Unsound('The server asked on, where SCRAM-SHA-256 has nothing more to say.')
      const text = challenge.toString()
      if (!signature) {
        const { message, expected } = proof(prepared, bare, nonce, text)
        signature = expected
        return message
      }
      const { v, e } = attributes(text)
      proven = e === undefined && signed(v, signature)
      if (e === undefined && !proven)
        throw new Unsound('The server could not prove that it knows the password: it may be another one than it claims.')
      // After e= the reply that counts is still to come; it wants an empty answer, as success does.
      over = true
      return ''
    },
    doubt: () => (proven ? undefined : 'The server said yes, but did not prove that it knows the password.'),
  })
}

/** RFC 5802 section 3: the client-final-message, and the signature that the server must show for it. */
function proof(password: string, bare: string, nonce: string, serverFirst: string): { message: string; expected: Buffer } {
  const { m, r = '', s = '', i = '' } = attributes(serverFirst)
  if (m !== undefined) throw new Unsound('The server wants an extension of SCRAM that is not known here.')
  if (!r.startsWith(nonce) || r.length === nonce.length || !/^[\x21-\x2b\x2d-\x7e]+$/.test(r))
    throw new Unsound('The server did not take up our nonce: its answer belongs to another login.')
  if (s === '' || !isBase64(s) || !/^[1-9]\d{0,9}$/.test(i)) throw new Unsound('The server sent a challenge that SCRAM does not know.')
  const iterations = Number(i)
  if (iterations < fewestIterations) throw new Unsound(`The server asks for ${i} iterations; fewer than ${fewestIterations} are not safe.`)
  if (iterations > mostIterations) throw new Unsound(`The server asks for ${i} iterations; ${mostIterations} are done here at most.`)
  const salted = pbkdf2Sync(password, Buffer.from(s, 'base64'), iterations, 32, 'sha256')
  const clientKey = hmac(salted, 'Client Key')
  const final = `c=${Buffer.from('n,,').toString('base64')},r=${r}`
  const signedText = `${bare},${serverFirst},${final}`
  const clientSignature = hmac(createHash('sha256').update(clientKey).digest(), signedText)
  const clientProof = Buffer.from(clientKey.map((octet, index) => octet ^ (clientSignature[index] ?? 0)))
  return { message: `${final},p=${clientProof.toString('base64')}`, expected: hmac(hmac(salted, 'Server Key'), signedText) }
}

/** `a=1,b=2`: one letter, then anything but a comma. The first of a kind counts. */
function attributes(text: string): Partial<Record<string, string>> {
  const found: Partial<Record<string, string>> = Object.create(null)
  for (const part of text.split(',')) if (/^[a-z]=/i.test(part)) found[part.slice(0, 1)] ??= part.slice(2)
  return found
}

function signed(shown: string | undefined, expected: Buffer): boolean {
  const bytes = Buffer.from(shown ?? '', 'base64')
  return bytes.length === expected.length && timingSafeEqual(bytes, expected)
}

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()
