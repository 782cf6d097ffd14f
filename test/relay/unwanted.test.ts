import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplyReader } from '../../src/relay/reply.ts'
import { isAboutSender, isAboutUs } from '../../src/relay/unwanted.ts'
import { letter, replay } from './replay.ts'

/** Whom a 5yz to RCPT turns away, in the words of those who say so. */
const replyOf = (text: string) => {
  const reader = new ReplyReader()
  reader.push(Buffer.from(`${text.replaceAll(' / ', '\r\n')}\r\n`))
  const reply = reader.next()
  assert.ok(typeof reply === 'object')
  return reply
}

const aboutUs = [
  // Postfix
  '554 5.7.1 <ops@example.org>: Relay access denied',
  '554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied',
  '550 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.9]',
  '554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.9',
  '554 5.7.1 Service unavailable; Client host [10.5.1.1] blocked using dnsbl.example',
  '554 5.7.1 Service unavailable; Sender address [ps7@example.org] blocked using dbl.example',
  '554 5.7.1 <ps7@example.org>: Sender address rejected: Access denied',
  '553 5.7.1 <ps7@example.org>: Sender address rejected: not owned by user box',
  '553 5.7.1 <ps7@example.org>: Sender address rejected: not logged in',
  '550 5.1.0 <ps7@example.org>: Sender address rejected: User unknown in virtual mailbox table',
  '550 5.1.8 <ps7@nowhere.example>: Sender address rejected: Domain not found',
  '504 5.5.2 <ps7>: Helo command rejected: need fully-qualified hostname',
  '550 5.7.1 <ps7.example.org>: Helo command rejected: Host not found',
  '550 5.7.23 <ops@example.org>: Recipient address rejected: Message rejected due to: SPF fail - not authorized',
  // Exim
  '550 relay not permitted',
  '550-Verification failed for <ps7@example.org> / 550-No Such User Here / 550 Sender verify failed',
  '550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)',
  // Sendmail, qmail, Exchange, Gmail, others
  '550 5.7.1 <ops@example.org>... Relaying denied. Proper authentication required.',
  "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
  '550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain',
  '550 5.7.60 SMTP; Client does not have permissions to send as this sender',
  '550 5.7.606 Access denied, banned sending IP [192.0.2.9]',
  '550 5.4.5 Daily user sending quota exceeded.',
  '530 5.7.0 Must issue a STARTTLS command first',
  '530 5.7.1 Authentication required',
  '503 This mail server requires authentication when attempting to send to a non-local e-mail address.',
  '550 5.7.25 The IP address sending this message does not have a PTR record',
]
const ofTheRecipient = [
  '550 5.1.1 <ops@example.org>: Recipient address rejected: User unknown in virtual mailbox table',
  '550 5.1.1 <ops@example.org>: Recipient address rejected: User unknown in relay recipient table',
  '550 5.1.1 <ops@example.org>: Recipient address rejected: undeliverable address: host mx[192.0.2.1] said: 550 no (in reply to RCPT TO command)',
  '550 5.1.2 <ops@exmaple.org>: Recipient address rejected: Domain not found',
  '554 5.7.1 <ops@example.org>: Recipient address rejected: Access denied',
  '550 5.4.1 Recipient address rejected: Access denied. [AM0PR01]',
  '504 5.5.2 <ops@example>: Recipient address rejected: need fully-qualified address',
  '550 5.1.1 The email account that you tried to reach does not exist. / 550 5.1.1 Please try double-checking it. gsmtp',
  '550 5.7.1 <ops@example.org>... User unknown',
  '550 No such user here',
  '550 Requested action not taken: mailbox unavailable',
  '550 5.2.1 <ops@example.org> mailbox disabled, not accepting messages',
  '552 5.2.2 mailbox full',
  '552 user over quota',
  '554 5.7.1 User Ops not listed in Domino Directory',
  '550 Unrouteable address',
  '550 5.1.1 spf@blacklist.example... User unknown',
  '550 <helo@dkim.example>: we know nobody of this name',
  '550 5.7.1 no',
  '550 no',
]
for (const text of aboutUs) test(`it is about us: ${text}`, () => assert.equal(isAboutUs(replyOf(text)), true))
for (const text of ofTheRecipient) test(`it is about the recipient: ${text}`, () => assert.equal(isAboutUs(replyOf(text)), false))

const aboutTheSender = [
  // Exchange and Exchange Online
  '554 5.2.252 SendAsDenied; ps7@example.org not allowed to send as other@example.org',
  '550 5.7.60 SMTP; Client does not have permissions to send as this sender',
  '530 5.7.57 Client not authenticated to send mail',
  '550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain',
  '550 5.7.606 Access denied, banned sending IP [192.0.2.9]',
  '550 5.7.232 Your message can not be sent because your tenant exceeded its limit',
  // Gmail
  '550-5.7.26 Your email has been blocked because the sender is unauthenticated. / 550 5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.',
  '550 5.4.5 Daily user sending quota exceeded.',
  // Postfix with its checks at DATA or at the end of it, Exim, others
  '554 5.7.1 <ops@example.org>: Relay access denied',
  '554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied',
  '554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org',
  '553 5.7.1 <ps7@example.org>: Sender address rejected: not owned by user box',
  '553 5.1.8 <ps7@nowhere.example>: bad sender address',
  '550 5.1.7 <ps7>: bad sender address syntax',
  '550 5.7.1 Sender is not authorized to use this server',
  '550 sender not allowed',
  '550 You are not authorised to send from this address',
  '550 relay not permitted',
]
const ofTheLetter = [
  '554 5.7.1 spam',
  '554 5.7.1 not wanted',
  '550 no',
  '550 5.7.1 message refused by policy',
  '550 5.7.1 This message contains a virus, sender not allowed',
  '554 5.7.1 Your message was rejected: the sender address rejected as spam by content filter',
  '550-5.7.1 [192.0.2.9] Our system has detected that this message is likely unsolicited mail. / 550 5.7.1 To reduce the amount of spam it has been blocked.',
  '554 5.7.1 Blocked: URL in the message is listed in dbl.spamhaus.org',
  '550 5.7.1 Service unavailable; message listed by a blocklist',
  '550 5.6.0 sender not allowed: malformed From',
  '552 5.3.4 too big, relay access denied',
  '550 5.7.0 the message exceeds our outgoing size limit',
  '550 5.1.1 <ops@example.org>: User unknown',
  '552 5.2.2 mailbox full',
  '550 5.7.20 no passing DKIM signature',
  '554 10.5.1.8 no',
]
for (const text of aboutTheSender)
  test(`behind the content it is about the sender: ${text}`, () => assert.equal(isAboutSender(replyOf(text)), true))
for (const text of ofTheLetter)
  test(`behind the content it is about the letter: ${text}`, () => assert.equal(isAboutSender(replyOf(text)), false))

test('by every way of sending, who is turned away because of us waits, and who does not exist is refused', () => {
  const [denied, gone] = ['554 5.7.1 <a@x.org>: Relay access denied', '550 5.1.1 <b@x.org>: Recipient address rejected: User unknown']
  const ways = [
    ['steps', 'S: 250 relay', `S: 250 ok\nS: ${denied}\nS: ${gone}\nS: 250 reset`],
    ['groups', 'S: 250-relay\nS: 250 PIPELINING', `S: 250 ok\nS: ${denied}\nS: ${gone}\nS: 554 nobody\nS: 250 reset`],
    ['chain', 'S: 250-relay\nS: 250-PIPELINING\nS: 250 CHUNKING', `S: 250 ok\nS: ${denied}\nS: ${gone}\nS: 554 nobody`],
  ] as const
  for (const [way, offers, answers] of ways) {
    const known = { pipelining: true, chunking: true }
    const { outcomes, fault } = replay(`S: 220 relay\n${offers}\n${answers}\nS: 221 bye`, [letter(1, ['a@x.org', 'b@x.org'])], { known })
    assert.equal(fault, undefined, way)
    assert.deepEqual([outcomes['1 a@x.org']?.kind, outcomes['1 b@x.org']?.kind], ['deferred', 'refused'], way)
  }
})

test('so it is at the first contact with a chain, and when the line breaks behind the answer', () => {
  const [hello, denied] = ['S: 220 relay\nS: 250-relay\nS: 250-PIPELINING\nS: 250 CHUNKING', '554 5.7.1 Relay access denied']
  const first = replay(`${hello}\nS: 250 ok\nS: ${denied}\nS: 554 nobody\nS: 250 reset\nS: 221 bye`, [letter(1)])
  assert.equal(first.outcomes['1 ops@example.org']?.kind, 'deferred')
  const known = { pipelining: true, chunking: true }
  const broken = replay(`${hello}\nS: 250 ok\nS: ${denied}\nS: ‹gone›`, [letter(1)], { known })
  assert.equal(broken.outcomes['1 ops@example.org']?.kind, 'deferred')
})
