import type { Certificate } from '../../ports/net.ts'
import type { Approach, Row, Trouble } from './trouble.ts'

/**
 * Cures for the way to a server: name, connection, TLS, and somebody else at the other end. Codes are those of getaddrinfo, connect(2) and OpenSSL,
 * and our own EPIN, ECHECK, EPLAINTEXT, EFOREIGN, ECLOSED, ETLSFIRST.
 */
const day = (at: number | undefined): string => (at === undefined ? 'an unknown day' : new Date(at).toISOString().slice(0, 10))
const own = (trouble: Trouble): Certificate | undefined => trouble.chain?.[0]

/** Words in certificates of portals, firewalls and routers that answer in the place of a server. */
const portalWords =
  /captive|hot-?spot|\bportal\b|fortinet|fortigate|sonicwall|sophos|mikrotik|meraki|unifi|ubiquiti|pfsense|opnsense|zyxel|fritz\.?box|speedport|zscaler|netskope|palo ?alto|watchguard|barracuda|firewall|\bproxy\b|router|gateway|login\.|wlan|wifi/i
const fromPortal = (trouble: Trouble): boolean =>
  portalWords.test((trouble.chain ?? []).flatMap((one) => [one.subject, one.issuer, ...one.names]).join(' '))

const portal =
  'A web server or portal answers in the place of the mail server: log in to this network with a browser, or ask whoever runs it to let mail through to port'
const inClear = (approach: Approach): string =>
  `Port ${approach.port} of this server begins in clear: write security "starttls" here, or port 465 for security "tls".`

/** Somebody else speaks. */
const strangers: readonly Row[] = [
  { said: /^HTTP\/|^\s*<(?:!doctype|html|head|\?xml)|<html/i, cure: (_, approach) => `${portal} ${approach.port}.` },
  {
    said: /^\* (?:OK|PREAUTH|BYE)\b/,
    cure: 'This is an IMAP server, where mail is read: mail is sent through port 587 (starttls) or 465 (tls).',
  },
  { said: /^(?:\+OK|-ERR)\b/, cure: 'This is a POP3 server, where mail is read: mail is sent through port 587 (starttls) or 465 (tls).' },
  { said: /^SSH-/, cure: 'This is an SSH server: mail is sent through port 587 (starttls) or 465 (tls).' },
  {
    said: /\bLMTP\b/,
    cure: 'This is an LMTP server, which takes mail for its own mailboxes only: use its port 587 (starttls) or 465 (tls).',
  },
  {
    stage: ['ehlo'],
    words: /\bLHLO\b|\bLMTP\b/i,
    cure: 'This is an LMTP server, which takes mail for its own mailboxes only: use its port 587 (starttls) or 465 (tls).',
  },
  { said: /^220.*\bFTP/i, cure: 'This is an FTP server: mail is sent through port 587 (starttls) or 465 (tls).' },
  { stage: ['ehlo'], words: /USER and PASS/, cure: 'This is an FTP server: mail is sent through port 587 (starttls) or 465 (tls).' },
  {
    code: /^EFOREIGN$/,
    when: ({ said = '' }) => !/^220[ -]/.test(said),
    cure: (_, approach) =>
      `Whoever answers on port ${approach.port} is no mail server: mail is sent through port 587 (starttls) or 465 (tls); if that is the port, something in between talks in its place.`,
  },
  { stage: ['tls'], said: /^220[ -]/, cure: (_, approach) => inClear(approach) },
]

const names: readonly Row[] = [
  {
    stage: ['dns'],
    code: /^(?:ENOTFOUND|ENODATA|EAI_NONAME|EAI_NODATA)$/,
    cure: (_, approach) =>
      `The name server does not know ${approach.host}: look for a typing error under host; if it is right, this network answers for itself only (a portal, a closed network), so ask whoever runs it.`,
  },
  {
    stage: ['dns'],
    cure: 'No name server answers: most likely the link is down, so look at cable, modem and signal; if other names work, look at the name server that this box was given.',
  },
]

const connections: readonly Row[] = [
  {
    stage: ['connect'],
    code: /^ECONNREFUSED$/,
    cure: (_, approach) =>
      `${approach.host} is there, but port ${approach.port} is closed: look at the port (587 for starttls, 465 for tls), and whether the mail service runs.`,
  },
  {
    stage: ['connect'],
    code: /^ETIMEDOUT$/,
    when: (_, approach) => approach.port === 25,
    cure: 'Most providers block port 25: use port 587 (starttls) or 465 (tls) of a relay with a login.',
  },
  {
    stage: ['connect'],
    code: /^ETIMEDOUT$/,
    cure: (_, approach) =>
      `Nobody answers, not even to refuse: a firewall or the provider blocks port ${approach.port}, or ${approach.host} is switched off; try port ${approach.port === 465 ? '587 (starttls)' : '465 (tls)'}, or ask for the port to be opened.`,
  },
  {
    stage: ['connect'],
    code: /^(?:EHOSTUNREACH|ENETUNREACH|ENETDOWN|EHOSTDOWN|EADDRNOTAVAIL)$/,
    cure: 'There is no way to that address from here: look at cable, modem, signal and the default gateway of this box.',
  },
  {
    stage: ['connect'],
    code: /^(?:EACCES|EPERM)$/,
    cure: (_, approach) => `The firewall of this box itself forbids it: allow port ${approach.port} going out.`,
  },
  {
    stage: ['connect'],
    code: /^(?:ECONNRESET|EPIPE)$/,
    cure: (_, approach) =>
      `Something cuts the connection at once, usually a firewall: ask whoever runs this network to let port ${approach.port} out.`,
  },
]

const certificates: readonly Row[] = [
  {
    when: (trouble) => trouble.clock === true,
    cure: (_, approach) =>
      `Set the clock of this device (NTP), then it goes on by itself; if it is right, whoever runs ${approach.host} must renew the certificate.`,
  },
  {
    code: /^ERR_TLS_CERT_ALTNAME_INVALID$|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)/,
    when: fromPortal,
    cure: (trouble, approach) =>
      `The certificate is that of a portal, firewall or router (${own(trouble)?.subject || own(trouble)?.issuer}), not of the mail server: log in to this network with a browser, or ask whoever runs it to leave TLS to ${approach.host} port ${approach.port} alone.`,
  },
  {
    code: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    cure: (trouble, approach) =>
      `Write under host the name that the certificate bears (${own(trouble)?.names.join(', ') || own(trouble)?.subject}), if that is your provider's server; if you do not know that name, somebody else answers for ${approach.host}.`,
  },
  {
    code: /^DEPTH_ZERO_SELF_SIGNED_CERT$/,
    cure: (trouble) =>
      `If this is a box of yours, compare the fingerprint with the one that it shows, and write "pin": ["${own(trouble)?.fingerprint}"] into this relay; if it is a provider's server, somebody is in between.`,
  },
  {
    code: /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|SELF_SIGNED_CERT_IN_CHAIN)$/,
    cure: (trouble) =>
      `If the authority ${trouble.chain?.at(-1)?.issuer} is your own, put its certificate into a file and name it under ca; if it is a public one, the server forgets to show the certificates in between, and whoever runs it must add them.`,
  },
  {
    code: /^CERT_HAS_EXPIRED$/,
    cure: (trouble, approach) =>
      `Whoever runs ${approach.host} must renew its certificate, which ran to ${day(own(trouble)?.validTo)}; letters wait until then.`,
  },
  {
    code: /^CERT_NOT_YET_VALID$/,
    cure: (trouble, approach) =>
      `The certificate is valid from ${day(own(trouble)?.validFrom)} on: if that is past, the clock of this device is wrong; else whoever runs ${approach.host} must mend it.`,
  },
  {
    code: /^EPIN$/,
    cure: (trouble) =>
      `If the box was given a new certificate, compare ${own(trouble)?.fingerprint} with what it shows, and write that under pin; if nobody changed it, somebody is in between, and the pin has done its work.`,
  },
]

const handshakes: readonly Row[] = [
  {
    stage: ['tls'],
    code: /^(?:EPLAINTEXT|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG)$/,
    when: (_, approach) => approach.security === 'tls',
    cure: (_, approach) => inClear(approach),
  },
  {
    code: /^EPLAINTEXT$/,
    cure: 'Something between this box and the server puts in words before TLS begins, and nothing was sent: use security "tls" with port 465, or another network.',
  },
  {
    stage: ['tls'],
    code: /^(?:ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_BAD_RECORD_TYPE|ERR_SSL_INVALID_ALERT)$/,
    cure: 'The answer to the TLS handshake is no TLS: a portal or firewall in between meddles with it; use security "tls" with port 465, or another network.',
  },
  {
    stage: ['tls'],
    code: /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS/,
    cure: 'The server speaks only TLS 1.1 or older, which is broken: whoever runs it must let it speak TLS 1.2 or newer.',
  },
  {
    stage: ['tls'],
    code: /HANDSHAKE_FAILURE|KEY_TOO_SMALL|TOO_WEAK|NO_SHARED_CIPHER|INSUFFICIENT_SECURITY/,
    cure: "Keys or ciphers of the server are too old: whoever runs it must renew its certificate and allow today's ciphers.",
  },
  {
    stage: ['tls'],
    code: /^ETIMEDOUT$/,
    cure: 'The handshake began and stuck: often large packets are lost on the way (try an MTU of 1300), or a firewall holds TLS up.',
  },
  {
    stage: ['tls'],
    code: /^(?:ECONNRESET|EPIPE|ECLOSED)$/,
    cure: (_, approach) =>
      `It hung up in the middle of the handshake: a firewall that lets no TLS through, or port ${approach.port} is for something else; 587 goes with starttls, 465 with tls.`,
  },
  {
    stage: ['greeting'],
    when: ({ code, reply }, approach) =>
      code === 'ETLSFIRST' || (reply === undefined && code === 'ETIMEDOUT' && approach.port === 465 && approach.security !== 'tls'),
    cure: (_, approach) => `Port ${approach.port} speaks TLS from the first octet: write security "tls".`,
  },
  {
    stage: ['greeting'],
    code: /^ETIMEDOUT$/,
    cure: (_, approach) =>
      `Something takes the connection and says nothing: a portal or firewall that answers for ${approach.host}, or a port that is not for mail; 587 goes with starttls, 465 with tls.`,
  },
  {
    stage: ['greeting'],
    code: /^(?:ECLOSED|ECONNRESET)$/,
    cure: 'It hangs up before a word: it takes no mail from this address, a firewall cuts in, or the port is not for mail; 587 goes with starttls, 465 with tls.',
  },
  {
    stage: ['auth'],
    when: ({ reply, offered }) =>
      reply === undefined && offered !== undefined && /XOAUTH2|OAUTHBEARER/i.test(offered) && !/PLAIN|LOGIN|CRAM|SCRAM/i.test(offered),
    cure: 'This server takes no passwords, only OAuth 2: set auth kind "oauth2".',
  },
]

const inTheMiddle: readonly Row[] = [
  {
    stage: ['ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'content'],
    code: /^(?:ECLOSED|ECONNRESET|EPIPE)$/,
    cure: 'The line or the server broke off in the middle: it is tried again by itself; if it always breaks at this step, ask whoever runs the server what its log says.',
  },
  {
    stage: ['ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'content'],
    code: /^ETIMEDOUT$/,
    cure: 'The answer did not come in time: it is tried again by itself; on a slow link a longer timeout of this relay helps.',
  },
]

export const wayCures: readonly Row[] = [...strangers, ...names, ...connections, ...certificates, ...handshakes, ...inTheMiddle]
