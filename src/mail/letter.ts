/**
 * A letter as it leaves: envelope and content, apart (RFC 5321 section 2.3.1).
 *
 * `content` is a whole RFC 5322 message: CRLF line ends only, no line over 998 octets, 7-bit (QP or base64 where needed), ends with CRLF. A mail that is passed on keeps its lines and octets
 * as they are.
 * Dot-stuffing is the relay's business. `messageId` is the same on every attempt.
 */
export type Letter = {
  /** The journal position of its alert. */
  id: number
  messageId: string
  /** Names it in reports (RFC 3461 section 4.4); the left side of its Message-ID when left out. */
  envelopeId?: string
  /** Bare address, or '' for the null reverse-path of a notice. */
  from: string
  /** Bare addresses, not yet settled. */
  to: string[]
  /** Somebody should hear even of its delay. */
  urgent?: boolean
  /** It holds octets above 127, so the server must offer 8BITMIME (RFC 6152). */
  eightBit?: true
  content: Uint8Array
}
