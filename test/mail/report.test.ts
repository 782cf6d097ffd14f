import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reportIn } from '../../src/mail/report.ts'

/** Reports in the shapes of servers that are about, each of a letter of ours, with what must be understood of it. */
const ours = 'o4711.f73cdd1f1f9b7d02@ps7.example.net'
const original = `Received: from ps7.example.net by relay\r\nFrom: Pump station 7 <ps7@example.org>\r\nTo: ops@example.org\r\nSubject: Pump station 7: CRITICAL: Pump 3 hot\r\nMessage-ID: <${ours}>\r\n`

const structured = (from: string, subject: string, words: string, status: string, header = original, returned = 'message/rfc822'): string =>
  `From: ${from}\r\nTo: ps7@example.org\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="=_b1"\r\nMessage-ID: <dsn-1@relay.example.org>\r\n\r\nThis is a MIME message.\r\n\r\n--=_b1\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n${words}\r\n--=_b1\r\nContent-Type: message/delivery-status\r\n\r\n${status}\r\n--=_b1\r\nContent-Type: ${returned}\r\n\r\n${header}\r\n--=_b1--\r\n`

const sloppy = (from: string, subject: string, words: string, more = ''): string =>
  `From: ${from}\r\nTo: ps7@example.org\r\nSubject: ${subject}\r\n${more}\r\n${words}\r\n`

type Case = { title: string; mail: string; action: string; recipient?: string; why?: RegExp }
const cases: Case[] = [
  {
    title: 'Postfix, nobody of that name',
    mail: structured(
      'Mail Delivery System <MAILER-DAEMON@relay.example.org>',
      'Undelivered Mail Returned to Sender',
      'I am sorry to have to inform you',
      'Reporting-MTA: dns; relay.example.org\r\nX-Postfix-Queue-ID: 4ABC\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nOriginal-Recipient: rfc822;ops@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.org\r\nDiagnostic-Code: smtp; 550 5.1.1 <ops@example.org>: Recipient address\r\n    rejected: User unknown in virtual mailbox table\r\n',
    ),
    action: 'failed',
    recipient: 'ops@example.org',
    why: /^550 5\.1\.1 .*User unknown in virtual mailbox table$/,
  },
  {
    title: 'Postfix, a warning that it waits',
    mail: structured(
      'MAILER-DAEMON@relay.example.org',
      'Delayed Mail (still being retried)',
      'Your message could not be delivered for more than 4 hours',
      'Reporting-MTA: dns; relay\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: delayed\r\nStatus: 4.4.1\r\nDiagnostic-Code: X-Postfix; connect to mx: timed out\r\nWill-Retry-Until: Fri, 27 Nov 2026 10:00:00 +0000\r\n',
      original,
      'text/rfc822-headers',
    ),
    action: 'delayed',
  },
  {
    title: 'a success that was asked for',
    mail: structured(
      'MAILER-DAEMON@relay.example.org',
      'Successful Mail Delivery Report',
      'Your message was delivered',
      'Reporting-MTA: dns; relay\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: delivered\r\nStatus: 2.0.0\r\n',
    ),
    action: 'delivered',
  },
  {
    title: 'Exchange Online',
    mail: structured(
      'Microsoft Outlook <postmaster@example.onmicrosoft.com>',
      'Undeliverable: Pump station 7: CRITICAL: Pump 3 hot',
      'Your message to ops@example.org couldn’t be delivered.',
      'Reporting-MTA: dns;AM0PR01.outlook.example\r\n\r\nFinal-Recipient: rfc822;ops@example.org\r\nAction: failed\r\nStatus: 5.1.10\r\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup\r\n',
    ),
    action: 'failed',
    recipient: 'ops@example.org',
    why: /RecipientNotFound/,
  },
  {
    title: 'Exchange on premises, which answers with a status alone',
    mail: structured(
      'Microsoft Outlook <MicrosoftExchange@example.local>',
      'Undeliverable: x',
      'Delivery has failed to these recipients',
      'Reporting-MTA: dns;ex01.example.local\r\n\r\nFinal-recipient: RFC822;ops@example.org\r\nAction: failed\r\nStatus: 5.2.2\r\nX-Display-Name: Ops\r\n',
    ),
    action: 'failed',
    why: /^5\.2\.2$/,
  },
  {
    title: 'a large provider, mailbox over its quota',
    mail: structured(
      'Mail Delivery Subsystem <mailer-daemon@googlemail.example>',
      'Delivery Status Notification (Failure)',
      '** Message blocked **',
      'Reporting-MTA: dns; googlemail.example\r\nArrival-Date: Wed, 25 Nov 2026 01:00:00 -0800\r\nX-Original-Message-ID: <x>\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: failed\r\nStatus: 5.2.2\r\nRemote-MTA: dns; gmail-smtp-in.example\r\nDiagnostic-Code: smtp; 552-5.2.2 The email account that you tried to reach is over quota.\r\n 552 5.2.2 Learn more\r\n',
    ),
    action: 'failed',
    why: /over quota/,
  },
  {
    title: 'Exim, which writes a text and quotes the message',
    mail: sloppy(
      'Mail Delivery System <Mailer-Daemon@mx.example.org>',
      'Mail delivery failed: returning message to sender',
      `This message was created automatically by mail delivery software.\r\n\r\nA message that you sent could not be delivered to one or more of its recipients.\r\n\r\n  ops@example.org\r\n    host mx.example.org [192.0.2.9]\r\n    SMTP error from remote mail server after RCPT TO:<ops@example.org>:\r\n    550 Unrouteable address\r\n\r\n------ This is a copy of the message, including all the headers. ------\r\n\r\n${original}`,
      'X-Failed-Recipients: ops@example.org\r\nAuto-Submitted: auto-replied\r\n',
    ),
    action: 'failed',
    recipient: 'ops@example.org',
    why: /^550 Unrouteable address$/,
  },
  {
    title: 'Exim, a warning',
    mail: sloppy(
      'Mail Delivery System <Mailer-Daemon@mx.example.org>',
      'Warning: message 1abc-000 delayed 24 hours',
      `A message that you sent has not yet been delivered to one or more of its recipients after more than 24 hours\r\n\r\nThe message identifier is: 1abc\r\nMessage-ID: <${ours}>`,
    ),
    action: 'delayed',
  },
  {
    title: 'qmail',
    mail: sloppy(
      'MAILER-DAEMON@mail.example.org',
      'failure notice',
      `Hi. This is the qmail-send program at mail.example.org.\r\nI'm afraid I wasn't able to deliver your message to the following addresses.\r\nThis is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n<ops@example.org>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n--- Below this line is a copy of the message.\r\n\r\n${original}`,
    ),
    action: 'failed',
    why: /5\.1\.1/,
  },
  {
    title: 'Sendmail',
    mail: structured(
      'Mail Delivery Subsystem <MAILER-DAEMON@mail.example.org>',
      'Returned mail: see transcript for details',
      '   ----- The following addresses had permanent fatal errors -----\r\n<ops@example.org>\r\n    (reason: 550 5.7.1 Access denied)\r\n',
      'Reporting-MTA: dns; mail.example.org\r\nReceived-From-MTA: DNS; relay\r\n\r\nFinal-Recipient: RFC822; ops@example.org\r\nAction: failed\r\nStatus: 5.7.1\r\nDiagnostic-Code: SMTP; 550 5.7.1 Access denied\r\nLast-Attempt-Date: Wed, 25 Nov 2026 10:00:00 GMT\r\n',
      original,
      'text/rfc822-headers',
    ),
    action: 'failed',
    why: /^550 5\.7\.1 Access denied$/,
  },
  {
    title: 'Courier, whose status is in capitals and whose original is named by its envelope id',
    mail: structured(
      '"Courier mail server at mail.example.org" <postmaster@mail.example.org>',
      'NOTICE: mail delivery status.',
      'UNDELIVERABLE MAIL',
      `Reporting-MTA: dns; mail.example.org\r\nOriginal-Envelope-Id: ${ours}\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: FAILED\r\nStatus: 5.0.0\r\nDiagnostic-Code: unknown; 550 User unknown.\r\n`,
      'Subject: nothing of it\r\n',
    ),
    action: 'failed',
    why: /^550 User unknown\.$/,
  },
  {
    title: 'a German provider in German, by text alone',
    mail: sloppy(
      'Mail Delivery System <mailer-daemon@provider.example>',
      'Mail delivery failed: returning message to sender',
      `Diese Nachricht wurde automatisch erzeugt.\r\n\r\nDie E-Mail konnte nicht zugestellt werden:\r\n\r\nops@example.org:\r\nSMTP error from remote server: 554 5.7.1 Spam erkannt\r\n\r\n--- The header of the original message is following. ---\r\n\r\n${original}`,
    ),
    action: 'failed',
    why: /554 5\.7\.1 Spam erkannt/,
  },
  {
    title: 'a gateway that says Unzustellbar in its subject and nothing else by the letter',
    mail: sloppy(
      'postmaster@firma.example',
      'Unzustellbar: Pump station 7',
      `Ihre Nachricht an ops@example.org ist unzustellbar.\r\n\r\nMessage-ID: <${ours}>`,
    ),
    action: 'failed',
    why: /unzustellbar/i,
  },
  {
    title: 'OpenSMTPD',
    mail: structured(
      'Mailer Daemon <MAILER-DAEMON@mail.example.org>',
      'Delivery status notification: error',
      'Below is a list of recipients and reasons:\r\n\r\nops@example.org: 550 Invalid recipient',
      'Reporting-MTA: dns; mail.example.org\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: failed\r\nStatus: 5.0.0\r\n',
    ),
    action: 'failed',
  },
  {
    title: 'a provider that encodes the status part in base64',
    mail: structured('MAILER-DAEMON@yahoo.example', 'Failure Notice', 'Sorry, we were unable to deliver your message', 'x').replace(
      'Content-Type: message/delivery-status\r\n\r\nx',
      `Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from('Reporting-MTA: dns; y\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 554 delivery error: dd This user doesn’t have an account\r\n').toString('base64')}`,
    ),
    action: 'failed',
    recipient: 'ops@example.org',
    why: /554 delivery error/,
  },
  {
    title: 'Domino, whose report has no line between its groups',
    mail: structured(
      'Postmaster@domino.example',
      'DELIVERY FAILURE: User ops not listed in Domino Directory',
      'Your message was not delivered',
      'Reporting-MTA: dns;domino.example\r\nFinal-Recipient: rfc822;ops@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: X-Notes; User ops (ops@example.org) not listed in Domino Directory\r\n',
    ),
    action: 'failed',
    why: /not listed in Domino Directory/,
  },
  {
    title: 'Zimbra, wrapped in a second multipart',
    mail: `From: MAILER-DAEMON@zimbra.example (Mail Delivery System)\r\nSubject: Undelivered Mail Returned to Sender\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n${structured('x', 'y', 'z', 'Reporting-MTA: dns; z\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: failed\r\nStatus: 5.4.4\r\nDiagnostic-Code: X-Postfix; Host or domain name not found\r\n')}\r\n--out--\r\n`,
    action: 'failed',
    why: /Host or domain name not found/,
  },
  {
    title: 'a mail filter that refuses for its own reasons, in HTML alone',
    mail: sloppy(
      'postmaster@filter.example',
      'Undeliverable message',
      `<html><body><p>Your message was rejected by policy.</p><p>550 5.7.0 Local policy violation</p><pre>Message-ID: &lt;x&gt;</pre><!-- <${ours}> --></body></html>`,
      'MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n',
    ),
    action: 'failed',
    why: /550 5\.7\.0/,
  },
  {
    title: 'a report in UTF-8 (RFC 6533)',
    mail: structured(
      'MAILER-DAEMON@relay.example.org',
      'Undelivered',
      'x',
      'Reporting-MTA: dns; r\r\n\r\nFinal-Recipient: utf-8; ops@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 nobody\r\n',
    ).replace('message/delivery-status', 'message/global-delivery-status'),
    action: 'failed',
    recipient: 'ops@example.org',
  },
  {
    title: 'Dovecot, a full mailbox, by a report of its own',
    mail: structured(
      'Mail Delivery Subsystem <postmaster@mx.example.org>',
      'Rejected: Pump station 7',
      'Your message was automatically rejected: Quota exceeded (mailbox for user is full)',
      'Reporting-MTA: dns; mx.example.org\r\nOriginal-Recipient: rfc822; ops@example.org\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: failed\r\nStatus: 5.2.2\r\n',
    ),
    action: 'failed',
    why: /^5\.2\.2$/,
  },
  {
    title: 'a relay that expanded a list and is done',
    mail: structured(
      'MAILER-DAEMON@list.example',
      'Delivery Notification',
      'x',
      'Reporting-MTA: dns; l\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: expanded (to multi-recipient alias)\r\nStatus: 2.0.0\r\n',
    ),
    action: 'delivered',
  },
]

for (const { title, mail, action, recipient, why } of cases)
  test(title, () => {
    const report = reportIn(Buffer.from(mail).toString('latin1'))
    assert.ok(report, 'it is a report')
    assert.ok(report.messageIds.includes(ours), report.messageIds.join(' '))
    assert.equal(report.action, action)
    if (recipient !== undefined) assert.equal(report.recipient, recipient)
    if (why) assert.match(report.why, why)
  })

test('what somebody writes himself, and a vacation note, are no reports', () => {
  assert.equal(
    reportIn(sloppy('Kim <ops@example.org>', 'Re: Pump station 7: Pump 3 hot [#o1-abcdefgh]', `ACK\r\n\r\n> Message-ID: <${ours}>`)),
    undefined,
  )
  assert.equal(reportIn(sloppy('Kim <ops@example.org>', 'Out of office', 'I am away.', 'Auto-Submitted: auto-replied\r\n')), undefined)
})
