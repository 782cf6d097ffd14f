import { type Digest, type DigestAbout, digestOf, type Told } from '../mail/digest.ts'
import type { Offer } from '../queue/offer.ts'

/**
 * Fitted: a digest or a summary whose letter is no larger than the settings want. How large it comes out, in which charset, with HTML beside it and
 * signed, is known only once it is composed; so it is, and rows are cut until it fits. The numbers never are.
 */
export type Room = {
  site: DigestAbout['site']
  /** Octets of the largest letter. */
  maxBytes: number
  /** Octets of the letter that this would be for people elsewhere. */
  octetsOf(offer: Offer): number
}

/** A record of the journal has to hold it in any case, at three octets a character. */
const mostChars = 100_000
/** A digest without any row. */
const leastChars = 500
/** What may be added to a letter that waits: the sentence about its delay, and a longer number. */
const spareBytes = 400

/** `told` in the order of their acceptance; `offerOf` makes the record of a digest, which may be asked several times. Rows are cut until its letter has at most `maxBytes`, or none is left. */
export function fitted(
  told: readonly Told[],
  { site, maxBytes, octetsOf }: Room,
  occasion: DigestAbout['occasion'],
  offerOf: (digest: Digest) => Offer,
): { offer: Offer; digest: Digest } {
  const most = Math.max(leastChars, maxBytes - spareBytes)
  // A character of plain text takes at most two octets or so.
  let chars = Math.min(mostChars, Math.max(leastChars, Math.floor(maxBytes / 2)))
  for (let before = ''; ; ) {
    const digest = digestOf(told, { site, maxChars: chars, ...(occasion === undefined ? {} : { occasion }) })
    const offer = offerOf(digest)
    const octets = octetsOf(offer)
    if (octets <= most || chars <= leastChars) return { offer, digest }
    // What is cut is a part of the letter only, so that a few steps follow one another; none is so large that much room is left.
    const used = Math.min(chars, digest.text.length)
    chars = digest.text === before ? leastChars : Math.max(leastChars, Math.floor(used * Math.min(0.95, most / octets)))
    before = digest.text
  }
}
