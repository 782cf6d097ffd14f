import { senders, strangersOnly } from './cure/cure-reply.ts'
import type { Row } from './cure/trouble.ts'
import { wordsOf } from './cure/words.ts'
import type { Reply } from './outcome.ts'

/**
 * Unwanted: whom a 5yz to RCPT or to the content turns away. Servers judge login, sender and client only at RCPT, so that their logs can name the recipient (Postfix
 * has smtpd_delay_reject on by default), and give them the codes of a recipient that does not exist: there only the words tell. Exchange Online looks at the sender behind the content.
 */

/** RFC 4954 section 6: whatever the command was, it is the login that is missing or too weak. */
const loginCodes: readonly number[] = [530, 534, 535, 538]

/** These words name who is turned away. Postfix finds a `User unknown` also for a sender, and a `Host not found` for our name. */
const namesUs = /\b(?:sender address|client host|helo command)\b.{0,60} (?:rejected|blocked|denied)/i

/** The account has sent as much as it may: Gmail (5.4.5), Exchange Online (5.7.232). */
const spent = /\b(?:daily|hourly|sending|outgoing)\b.{0,30} (?:limit|quota)\b|\b5\.4\.5\b|\b5\.7\.232\b/i

/**
 * RFC 3463: X.1.1 to X.1.3, X.1.6 and X.1.10 are of the recipient's address, X.2.1 to X.2.4 of its mailbox. Domino has people who are "not listed in Domino
 * Directory", which is no blocklist. `Recipient address rejected` alone is not among them: with it Postfix tells where it looked, and the reason stands behind.
 */
const namesRecipient =
  /(?<![\d.])5\.(?:1\.(?:[1236]|10)|2\.[1-4])(?![\d.])|no such (?:user|mailbox|recipient|address|person|account)|unknown (?:user|recipient|mailbox|account)|(?:user|recipient|mailbox|account|inbox)\b.{0,40}(?:unknown|not (?:found|exist|known|listed|available)|n't exist|unavailable|disabled|inactive|suspended|full\b)|over ?quota|undeliverable address|unrouteable address/i

/** Codes that servers give for nothing else, whatever words stand behind them: 5.1.1 is also what Postfix says of a sender, but then its words name him. */
const recipientCode = /(?<![\d.])5\.(?:1\.[23]|2\.[1-4])(?![\d.])/

/** True: it is the sender, the login or the client that is not wanted, and nothing was said of the recipient. In doubt it was. */
export function isAboutUs(reply: Reply): boolean {
  if (loginCodes.includes(reply.code)) return true
  const words = wordsOf(reply)
  if (namesUs.test(words)) return true
  if (recipientCode.test(words)) return false
  if (spent.test(words) || knows(senders, words)) return true
  return !namesRecipient.test(words) && knows(strangersOnly, words)
}

/**
 * Codes by which a 5yz to the content is about the sender or the client: RFC 3463 has 5.1.7 and 5.1.8 for a bad sender, RFC 7372 has 5.7.23, 5.7.25 and 5.7.26 for SPF, a
 * missing name and what a domain says of its senders. The others are Microsoft's: no login, no relaying, not this sender, a banned address.
 */
const senderCode = /(?<![\d.])5\.(?:1\.[78]|7\.(?:2[356]|30|54|57|60|6(?:0[6-9]|[1-4]\d))|2\.252)(?![\d.])/

/** Codes that leave it to the words whom they are about. */
const openCode = /^5\.(?:0\.0|1\.0|7\.[01])$/

const tooLarge = /\bsize\b|too (?:big|large)|(?<![\d.])5\.(?:2\.3|3\.4)(?![\d.])/i

/** A filter speaks of senders, too: what it does not like is the letter. */
const namesContent =
  /\b(?:spam|unsolicited|bulk|virus(?:es)?|malware|phish\w*|trojan|infected|attachments?|content|score|UR[LI]|links?|headers?)\b/i

const namesSender =
  /not owned by|SendAsDenied|(?:not (?:allowed|permitted|authori[sz]ed)|permissions?) to (?:send|submit) (?:as|from|on behalf of)|sender (?:address )?(?:is )?not (?:allowed|permitted|authori[sz]ed)|relay(?:ing)?(?: access)? (?:is )?(?:denied|prohibited|not (?:permitted|allowed))|unable to relay|authentication (?:is )?required/i

/**
 * Of a 5yz to DATA or to the end of a letter. True: it is plainly the sender, the login or the client that is not wanted. Filters answer there, too, with the
 * same 5.7.1: in doubt it is the letter.
 */
export function isAboutSender(reply: Reply): boolean {
  if (loginCodes.includes(reply.code)) return true
  const words = wordsOf(reply)
  if (senderCode.test(words)) return true
  if (tooLarge.test(words)) return false
  if (spent.test(words)) return true
  if (!openCode.test(reply.enhanced ?? '5.0.0') || namesContent.test(words)) return false
  return namesUs.test(words) || namesSender.test(words)
}

const knows = (rows: readonly Row[], words: string): boolean => rows.some((row) => row.words?.test(words))
