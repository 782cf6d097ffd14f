import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../../src/ports/clock.ts'
import type { Certificate } from '../../src/ports/net.ts'
import { type Approach, cure, cured, type Trouble } from '../../src/relay/cure/cure.ts'
import type { Stage } from '../../src/relay/outcome.ts'
import { ReplyReader } from '../../src/relay/reply.ts'

/** What servers and networks are known to answer, and what helps. The replies are as their servers give them, shortened. */
const way: Approach = { host: 'smtp.example.org', port: 587, security: 'starttls', user: 'ps7@example.org' }
const said = (trouble: Partial<Trouble>, of: Partial<Approach> = {}) =>
  cure({ stage: 'connect', why: 'x', ...trouble }, { ...way, ...of }) ?? ''

const replyOf = (text: string) => {
  const reader = new ReplyReader()
  reader.push(Buffer.from(`${text}\r\n`))
  const reply = reader.next()
  assert.ok(typeof reply === 'object')
  return reply
}

const replies: [stage: Stage, reply: string, helps: RegExp][] = [
  // Microsoft 365
  ['auth', '535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [AM0PR01]', /no passwords.*oauth2/],
  [
    'auth',
    '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.',
    /administrator.*Authenticated SMTP/,
  ],
  ['auth', '535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.', /user and password.*oauth2/],
  [
    'auth',
    "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
    /security policy.*administrator/,
  ],
  ['auth', '550 5.7.30 Basic authentication is not supported for Client Submission', /no passwords.*oauth2/],
  ['content', '550 5.7.30 Basic authentication is not supported for Client Submission.', /no passwords.*oauth2/],
  ['mail', '530 5.7.57 Client not authenticated to send mail.', /set auth/],
  ['content', '554 5.2.252 SendAsDenied; ps7@example.org not allowed to send as ops@example.org', /mail\.from ps7@example\.org/],
  ['content', '550 5.7.60 SMTP; Client does not have permissions to send as this sender', /mail\.from/],
  ['rcpt', '550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain', /passes on/],
  // Gmail
  [
    'auth',
    '534-5.7.9 Application-specific password required. For more information, go to\r\n534 5.7.9 https://support.google.com/mail',
    /app password: make one on the security page/,
  ],
  [
    'auth',
    '534-5.7.14 <https://accounts.google.com/signin> Please log in via\r\n534 5.7.14 your web browser and then try again.',
    /browser/,
  ],
  [
    'auth',
    '535-5.7.8 Username and Password not accepted. For more information, go to\r\n535 5.7.8 https://support.google.com - gsmtp',
    /app password/,
  ],
  ['mail', '530-5.7.0 Authentication Required. For more information, go to\r\n530 5.7.0 https://support.google.com - gsmtp', /set auth/],
  ['mail', '530 5.7.0 Must issue a STARTTLS command first.', /security "starttls"/],
  [
    'content',
    '550-5.7.26 Your email has been blocked because the sender is unauthenticated.\r\n550 5.7.26 Gmail requires SPF or DKIM',
    /domain of mail\.from/,
  ],
  ['mail', '550 5.4.5 Daily user sending limit exceeded.', /limit/],
  ['greeting', '421 4.7.28 Our system has detected an unusual rate of unsolicited mail', /too many connections/],
  // Postfix, Exim, Dovecot, Sendmail
  ['auth', '535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6', /ps7@example\.org or its password is wrong/],
  ['auth', '535 5.7.3 Authentication unsuccessful', /password is wrong/],
  ['auth', '535 Incorrect authentication data', /password is wrong/],
  ['auth', '454 4.7.0 Temporary authentication failure: Connection lost to authentication server', /again by itself/],
  ['auth', '538 5.7.11 Encryption required for requested authentication mechanism', /security "starttls"/],
  ['auth', '503 5.5.1 Error: authentication not enabled', /port 587/],
  ['auth', '504 5.5.4 Unrecognized authentication type', /port 587/],
  ['auth', '534 5.7.9 Authentication mechanism is too weak', /stronger login/],
  ['starttls', '454 4.7.0 TLS not available due to local problem', /certificate and key/],
  ['starttls', '502 5.5.1 Error: command not implemented', /port 465/],
  ['rcpt', '554 5.7.1 <ops@example.net>: Relay access denied', /passes on no mail/],
  ['rcpt', '550 5.7.1 Relaying denied', /passes on/],
  ['rcpt', '454 4.7.1 <ops@example.net>: Relay access denied', /passes on/],
  ['rcpt', '550 relay not permitted', /passes on/],
  ['rcpt', '553 5.7.1 <x@example.org>: Sender address rejected: not owned by user ps7@example.org', /under mail\.from ps7@example\.org/],
  ['mail', '550 5.7.1 Sender not allowed', /mail\.from/],
  ['mail', '553 5.7.1 you are not allowed to use this sender address', /mail\.from/],
  ['mail', '450 4.1.8 <x@nowhere.test>: Sender address rejected: Domain not found', /not in the DNS/],
  ['mail', '550 5.1.0 no', /mail\.from/],
  ['content', '554 5.7.1 Your message has an invalid Date header', /clock/],
  ['content', '554 Date header missing or malformed', /clock/],
  ['content', '550 5.6.0 message date is in the future', /clock/],
  ['greeting', '421 4.7.0 mx.example.org Error: too many connections from 192.0.2.1', /too many connections.*by itself/],
  ['greeting', '421 Too many concurrent SMTP connections; please try again later.', /too many connections/],
  ['rcpt', '451 4.7.1 Greylisting in action, please come back later', /greylisting/],
  ['rcpt', '450 4.2.0 <ops@example.org>: Recipient address rejected: Greylisted, see http://postgrey', /greylisting/],
  ['rcpt', '451 4.7.1 Please try again later', /again by itself/],
  ['rcpt', '550 5.1.1 <opps@example.org>: Recipient address rejected: User unknown in virtual mailbox table', /no such mailbox/],
  ['rcpt', '550 No such user here', /no such mailbox/],
  ['rcpt', '550 5.1.2 <ops@exmaple.org>: Recipient address rejected: Domain not found', /domain of the recipient/],
  ['rcpt', '452 4.2.2 mailbox full', /make room/],
  ['content', '552 5.2.2 over quota', /make room/],
  ['mail', '552 5.3.4 Message size exceeds fixed limit', /mail\.maxBytes/],
  ['mail', '452 4.3.1 Insufficient system storage', /disk of the server/],
  ['rcpt', '504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname', /site\.domain/],
  ['rcpt', '550 5.7.1 <ps7.example.org>: Helo command rejected: Host not found', /site\.domain/],
  ['rcpt', '550 5.1.1 <helo@spf.example>: User unknown', /no such mailbox/],
  ['rcpt', '550 5.1.0 <ps7@example.org>: Sender address rejected: User unknown in virtual mailbox table', /nobody at the sender/],
  ['rcpt', '550-Verification failed for <ps7@example.org>\r\n550 Sender verify failed', /nobody at the sender/],
  ['rcpt', "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", /passes on no mail/],
  ['rcpt', '554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied', /takes nothing from the Internet address/],
  ['rcpt', '550 5.7.606 Access denied, banned sending IP [192.0.2.9]', /takes nothing from the Internet address/],
  ['rcpt', '550 5.7.1 Authentication required', /another login/],
  ['ehlo', '501 Syntactically invalid EHLO argument(s)', /site\.domain/],
  ['rcpt', '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org', /blocklist/],
  ['rcpt', '550 5.7.25 The IP address sending this message does not have a PTR record', /no name/],
  ['greeting', '554 no SMTP service here', /takes no mail from the Internet address/],
  ['content', '550 5.7.1 message refused by policy', /policy/],
  ['content', '451 4.3.0 queue file write error', /again by itself/],
  // Not SMTP at all
  ['ehlo', '500 5.5.1 This is a LMTP server, use LHLO', /LMTP/],
  ['ehlo', '530 Please login with USER and PASS.', /FTP/],
]
for (const [stage, text, helps] of replies)
  test(`${text.split('\r\n')[0]?.slice(0, 90)} at ${stage}: ${helps.source}`, () =>
    assert.match(said({ stage, reply: replyOf(text) }), helps))

test('without a login, a stranger who is turned away is told that one is wanted', () => {
  const { user: _, ...nobody } = way
  for (const text of [
    '554 5.7.1 Relay access denied',
    '554 5.7.1 Client host rejected: Access denied',
    '550 5.7.1 Authentication required',
  ])
    assert.match(cure({ stage: 'rcpt', why: 'x', reply: replyOf(text) }, nobody) ?? '', /set auth/)
})

const day = (iso: string) => instant(Date.parse(iso))
const certificate: Certificate = {
  subject: 'mail.provider.example',
  issuer: 'Some CA',
  names: ['mail.provider.example', '*.provider.example'],
  validFrom: day('2027-03-01'),
  validTo: day('2026-02-01'),
  fingerprint: 'AA:BB',
  selfSigned: false,
}
const portal = { ...certificate, subject: 'FortiGate', issuer: 'Fortinet', names: [] }

const ways: [name: string, trouble: Partial<Trouble>, of: Partial<Approach>, helps: RegExp][] = [
  ['a name that does not exist', { stage: 'dns', code: 'ENOTFOUND' }, {}, /typing error/],
  ['no name server', { stage: 'dns', code: 'EAI_AGAIN' }, {}, /link is down.*name server/],
  ['a name server that is silent', { stage: 'dns', code: 'ETIMEOUT' }, {}, /link is down/],
  ['a closed port', { code: 'ECONNREFUSED' }, {}, /closed.*587.*465/],
  ['a blocked port', { code: 'ETIMEDOUT' }, {}, /blocks port 587.*465/],
  ['blocked port 465', { code: 'ETIMEDOUT' }, { port: 465 }, /blocks port 465.*587/],
  ['blocked port 25', { code: 'ETIMEDOUT' }, { port: 25 }, /block port 25/],
  ['no route', { code: 'ENETUNREACH' }, {}, /modem/],
  ['a firewall that cuts', { code: 'ECONNRESET' }, {}, /firewall/],
  ['our own firewall', { code: 'EPERM' }, {}, /firewall of this box/],
  ['a clock that was not set', { stage: 'tls', code: 'CERT_NOT_YET_VALID', clock: true }, {}, /^Set the clock/],
  ['a clock that was not set, too late', { stage: 'tls', code: 'CERT_HAS_EXPIRED', clock: true }, {}, /^Set the clock/],
  ['not yet valid', { stage: 'tls', code: 'CERT_NOT_YET_VALID', chain: [certificate] }, {}, /valid from 2027-03-01/],
  ['expired', { stage: 'tls', code: 'CERT_HAS_EXPIRED', chain: [certificate] }, {}, /renew.*2026-02-01/],
  [
    'another name',
    { stage: 'tls', code: 'ERR_TLS_CERT_ALTNAME_INVALID', chain: [certificate] },
    {},
    /mail\.provider\.example, \*\.provider\.example/,
  ],
  ['self-signed', { stage: 'tls', code: 'DEPTH_ZERO_SELF_SIGNED_CERT', chain: [certificate] }, {}, /"pin": \["AA:BB"\]/],
  ['a private authority', { stage: 'tls', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', chain: [certificate] }, {}, /Some CA.*under ca/],
  ['a root in the chain', { stage: 'tls', code: 'SELF_SIGNED_CERT_IN_CHAIN', chain: [certificate] }, {}, /under ca/],
  [
    'the certificate of a portal',
    { stage: 'tls', code: 'ERR_TLS_CERT_ALTNAME_INVALID', chain: [portal] },
    {},
    /FortiGate.*log in to this network/,
  ],
  ['the certificate of a firewall', { stage: 'tls', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', chain: [portal] }, {}, /firewall.*alone/],
  ['another certificate than the pinned one', { stage: 'tls', code: 'EPIN', chain: [certificate] }, {}, /AA:BB.*under pin/],
  ['old TLS', { stage: 'tls', code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' }, {}, /TLS 1\.2 or newer/],
  ['old TLS, said otherwise', { stage: 'tls', code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' }, {}, /TLS 1\.2 or newer/],
  ['old ciphers', { stage: 'tls', code: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE' }, {}, /ciphers/],
  ['a handshake that sticks', { stage: 'tls', code: 'ETIMEDOUT' }, {}, /MTU/],
  ['a hang-up in the handshake', { stage: 'tls', code: 'ECONNRESET' }, {}, /firewall/],
  ['words in front of TLS', { stage: 'starttls', code: 'EPLAINTEXT' }, {}, /nothing was sent.*465/],
  ['clear words on a port for TLS', { stage: 'tls', code: 'EPLAINTEXT' }, { security: 'tls' }, /begins in clear.*starttls/],
  [
    'a clear greeting on 465',
    { stage: 'tls', code: 'ERR_SSL_WRONG_VERSION_NUMBER', said: '220 mail ESMTP' },
    { security: 'tls', port: 465 },
    /begins in clear.*starttls/,
  ],
  ['no TLS after STARTTLS', { stage: 'tls', code: 'ERR_SSL_WRONG_VERSION_NUMBER' }, {}, /meddles/],
  ['TLS on 587', { stage: 'greeting', code: 'ETLSFIRST' }, {}, /write security "tls"/],
  ['silence on 465', { stage: 'greeting', code: 'ETIMEDOUT' }, { port: 465 }, /write security "tls"/],
  ['silence on 587', { stage: 'greeting', code: 'ETIMEDOUT' }, {}, /portal or firewall/],
  ['a hang-up before a word', { stage: 'greeting', code: 'ECLOSED' }, {}, /hangs up before a word/],
  ['a web server', { stage: 'greeting', code: 'EFOREIGN', said: 'HTTP/1.1 400 Bad Request' }, {}, /web server or portal.*browser/],
  ['a web page', { stage: 'greeting', code: 'EFOREIGN', said: '<!DOCTYPE html>' }, {}, /web server or portal/],
  [
    'a web server behind TLS',
    { stage: 'tls', code: 'ERR_SSL_WRONG_VERSION_NUMBER', said: 'HTTP/1.0 302 Found' },
    { security: 'tls' },
    /web server or portal/,
  ],
  ['IMAP', { stage: 'greeting', said: '* OK [CAPABILITY IMAP4rev1] Dovecot ready.' }, {}, /IMAP.*587/],
  ['POP3', { stage: 'greeting', said: '+OK Dovecot ready.' }, {}, /POP3.*587/],
  ['SSH', { stage: 'greeting', said: 'SSH-2.0-OpenSSH_9.2' }, {}, /SSH/],
  ['LMTP by its greeting', { stage: 'ehlo', said: '220 box LMTP Dovecot ready', reply: replyOf('502 5.5.2 Unknown command') }, {}, /LMTP/],
  ['FTP by its greeting', { stage: 'ehlo', said: '220 (vsFTPd 3.0.3) FTP', reply: replyOf('500 what') }, {}, /FTP/],
  ['OAuth only', { stage: 'auth', offered: 'XOAUTH2 OAUTHBEARER' }, {}, /oauth2/],
]
for (const [name, trouble, of, helps] of ways) test(`${name}: ${helps.source}`, () => assert.match(said(trouble, of), helps))

test('a cure is one sentence that says what to do, and does not stand where nothing is known', () => {
  const all = [
    ...replies.map(([stage, text]) => said({ stage, reply: replyOf(text) })),
    ...ways.map(([, trouble, of]) => said(trouble, of)),
  ]
  for (const one of all) {
    assert.match(one, /\.$/)
    assert.doesNotMatch(one, /undefined|\. [A-Z]/, one)
    assert.ok(one.length < 420, one)
  }
  assert.equal(said({ stage: 'connect', code: 'EWHATEVER' }), '')
  assert.deepEqual(cured({ stage: 'connect', why: 'x', hint: 'y' }, way), { stage: 'connect', why: 'x', hint: 'y' })
})

test('of a host that is not in the settings only the way there is cured from here, and what the settings would mend is not said', () => {
  const others = { ...way, direct: true } as const
  const hint = (fault: Partial<Trouble>) => cured({ stage: 'connect', why: 'x', hint: 'Set auth of this relay.', ...fault }, others).hint
  assert.equal(hint({ stage: 'mail', reply: replyOf('530 5.7.0 log in') }), undefined)
  assert.equal(hint({ code: 'ECONNREFUSED' }), undefined)
  assert.match(hint({ code: 'EHOSTUNREACH' }) ?? '', /cable, modem/)
  assert.match(hint({ stage: 'tls', clock: true }) ?? '', /^Set the clock/)
})

test('what a fault knows by itself stands before what is true of such faults in general', () => {
  const refused = { stage: 'auth', why: 'x', reply: replyOf('535 5.7.8 no') } as const
  assert.equal(cured({ ...refused, hint: 'Write another mechanism.' }, way).hint, 'Write another mechanism.')
  assert.match(cured(refused, way).hint ?? '', /password is wrong/)
  assert.match(cured({ ...refused, reply: replyOf('535 gsmtp'), hint: 'Write another mechanism.' }, way).hint ?? '', /Google/)
})
