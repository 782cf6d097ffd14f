import type { Row } from './trouble.ts'

/** Cures for what servers are known to answer, the particular before the general. Who says so stands beside the row. */
const oauth = 'takes no passwords here any more: set auth kind "oauth2", or use a relay that takes passwords.'

const logins: readonly Row[] = [
  // Exchange Online, mailbox or whole organisation.
  {
    words: /SmtpClientAuthentication is disabled/i,
    cure: 'SMTP is switched off for this mailbox: the administrator of Microsoft 365 must turn on "Authenticated SMTP" for it.',
  },
  { reply: [535], words: /basic authentication is disabled/i, cure: `Microsoft ${oauth}` },
  {
    reply: [535],
    words: /5\.7\.139.*(?:locked|security defaults|criteria|conditional)/i,
    cure: 'A security policy of the organisation stops this login: its administrator must exempt this mailbox, or set auth kind "oauth2".',
  },
  {
    reply: [535],
    words: /5\.7\.139/,
    cure: 'Microsoft refused the login: check user and password; if they are right, passwords are switched off for this mailbox, so ask its administrator or set auth kind "oauth2".',
  },
  { words: /5\.7\.30\b|basic authentication is not supported/i, cure: `Microsoft ${oauth}` },
  // RFC 4954 section 6 knows 534 5.7.9 as this; Gmail uses the code for app passwords.
  {
    stage: ['auth'],
    words: /mechanism.{0,20}too weak/i,
    cure: 'The server wants a stronger login than this mechanism: ask whoever runs it which one this account may use.',
  },
  // Gmail, Yahoo, iCloud, Fastmail.
  {
    stage: ['auth', 'mail'],
    words: /application-specific password|app(?:lication)?[ -]password|5\.7\.9\b/i,
    cure: 'This provider wants an app password: make one on the security page of the account, put it into secrets.json in place of the password, then outpost queue retry.',
  },
  {
    stage: ['auth'],
    words: /5\.7\.14\b|(?:log|sign) ?in (?:via|with|through) your (?:web )?browser/i,
    cure: 'The provider blocked this login as unusual: log in to the account with a browser, confirm that it was you, make an app password, then outpost queue retry.',
  },
  {
    reply: [535],
    words: /gsmtp|support\.google|username and password not accepted/i,
    cure: 'Google takes no account passwords here: make an app password on the security page of the account, put it into secrets.json, then outpost queue retry.',
  },
  {
    reply: [538],
    cure: 'The server wants TLS before the login: write security "starttls" (port 587) or "tls" (port 465).',
  },
  {
    reply: [530],
    words: /STARTTLS|encrypt|secure connection/i,
    cure: 'The server wants TLS first: write security "starttls" (port 587) or "tls" (port 465).',
  },
  { reply: [530], cure: 'The server wants a login: set auth of this relay.' },
  {
    stage: ['auth'],
    reply: [535],
    general: true,
    cure: (_, approach) =>
      `User ${approach.user ?? ''} or its password is wrong: check both (some providers want the whole address as user, some an app password), then outpost queue retry.`,
  },
  {
    stage: ['auth'],
    reply: [534],
    general: true,
    cure: 'The server refuses this kind of login for this account: some providers want an app password, others auth kind "oauth2".',
  },
  {
    stage: ['auth'],
    reply: [502, 503, 504],
    cure: 'The server takes no such login on this port: use port 587 (starttls) or 465 (tls).',
  },
  {
    stage: ['auth'],
    reply: [4],
    cure: 'The server cannot check passwords just now, or slows down who logs in too often: it is tried again by itself; if it lasts for hours, ask whoever runs it.',
  },
]

const security: readonly Row[] = [
  {
    stage: ['starttls'],
    reply: [4],
    cure: 'TLS of this server is out of order just now, and nothing is sent in clear: it is tried again by itself; if it lasts, whoever runs it must look at its certificate and key.',
  },
  {
    stage: ['starttls'],
    reply: [5],
    cure: 'The server offers STARTTLS and refuses it, and nothing is sent in clear: use security "tls" with port 465, or ask whoever runs it.',
  },
]

/** It is the sender that is not wanted. */
export const senders: readonly Row[] = [
  {
    words: /sender address rejected: domain|domain of sender|sender domain|[45]\.1\.8\b/i,
    cure: 'The domain of the sender is not in the DNS: write an address that exists under mail.from.',
  },
  {
    words: /DMARC|\bSPF\b|DKIM|unauthenticated (?:e-?)?mail|5\.7\.(?:23|26)\b/i,
    cure: 'The domain of mail.from does not let this server send for it: use the relay of that domain, or a sender of the domain of this relay.',
  },
  // Exim's verify = sender, Postfix reject_unverified_sender and reject_unlisted_sender.
  {
    words: /sender verif(?:y|ication) failed|sender address rejected: (?:user unknown|un(?:verified|deliverable) address)/i,
    cure: 'The server finds nobody at the sender: write an address that exists and takes mail under mail.from.',
  },
  // Postfix reject_sender_login_mismatch, Exchange, many providers.
  {
    words:
      /not owned by|SendAsDenied|send[ -]as|5\.7\.60\b|5\.2\.252\b|not (?:allowed|permitted|authorized|authorised) to (?:send|use)|sender (?:is )?not (?:allowed|permitted|authorized|authorised)|sender address (?:rejected|denied)|sender (?:mismatch|rejected|denied)|from address .*(?:not|match)/i,
    cure: (_, approach) =>
      `The server does not let us use this sender: write under mail.from ${approach.user?.includes('@') ? approach.user : 'the address of the login'}, or one that this account may use.`,
  },
]

/** It is this box that is not wanted: its login, its Internet address, its name. */
export const strangersOnly: readonly Row[] = [
  {
    words:
      /relay(?:ing)?(?: access)? (?:is )?(?:denied|prohibited|not (?:permitted|allowed))|unable to relay|(?:not|do(?:es)? not) (?:permitted to |allowed to )?relay|allowed rcpthosts|5\.7\.54\b/i,
    cure: (_, approach) =>
      approach.user === undefined
        ? 'The server passes on mail of strangers for nobody: set auth of this relay, or have the address of this box allowed there.'
        : 'The server passes on no mail to that recipient for this login: look at host and user, or ask whoever runs it.',
  },
  {
    words: /spamhaus|blocklist|black ?list|block list|\b(?:DNS|R|P)BL\b|\blisted (?:at|in|by|on)\b|reputation/i,
    cure: 'The Internet address of this site is on a blocklist, as those of mobile and home lines often are: send through a relay with a login (port 587 or 465).',
  },
  {
    words: /reverse (?:dns|host|lookup)|\bPTR\b|[45]\.7\.25\b|cannot find your (?:reverse )?host/i,
    cure: 'The Internet address of this site has no name, as is usual for mobile and home lines: send through a relay with a login (port 587 or 465).',
  },
  {
    stage: ['mail', 'rcpt'],
    words:
      /authentication (?:is )?(?:required|needed)|(?:requires?|must|need to|please) (?:\w+ ){0,2}(?:authenticat|log ?in\b)|not (?:authenticated|logged in)|\bAUTH (?:command )?(?:first|required)|turn on smtp auth/i,
    cure: (_, approach) =>
      approach.user === undefined
        ? 'The server wants a login: set auth of this relay.'
        : 'The server wants another login than this one: look at host, port and user, or ask whoever runs it.',
  },
  {
    stage: ['ehlo', 'mail', 'rcpt'],
    words: /\b(?:helo|ehlo)\b|fully[- ]qualified (?:host|domain)/i,
    reply: [4, 5],
    cure: 'The server does not like the name that this box gives itself: write a full name such as ps7.example.org under site.domain.',
  },
  // Postfix check_client_access, and permit_sasl_authenticated before reject; Microsoft's list of banned addresses.
  {
    stage: ['mail', 'rcpt'],
    words:
      /client host .{0,60}(?:rejected|blocked|denied)|banned send(?:er|ing)|\b(?:your|client|sending) (?:IP|host|server|network)\b.{0,60}(?:rejected|blocked|banned|denied|not (?:allowed|permitted|authori[sz]ed|accepted))/i,
    reply: [5],
    cure: (_, approach) =>
      approach.user === undefined
        ? 'The server takes nothing from the Internet address of this site without a login: set auth of this relay, or have that address allowed there.'
        : 'The server takes nothing from the Internet address of this site: ask whoever runs it to allow that address, or use another relay.',
  },
]

const letters: readonly Row[] = [
  {
    stage: ['data', 'content'],
    words: /\bdate\b.*(?:header|field|missing|invalid|future|past|absent|wrong|old)|(?:header|field|missing|invalid|future|no) .*\bdate\b/i,
    cure: 'The server does not believe the date of the letter: set the clock of this device (NTP), then send again.',
  },
  {
    words: /gr[ae]y-?\s?list/i,
    cure: 'Nothing needs to be done: this server makes a stranger wait once (greylisting), and takes the letter when it is tried again in some minutes.',
  },
  {
    words: /(?:daily|hourly|sending|message|mail|user).{0,20} (?:limit|quota)|5\.4\.5\b|5\.7\.232\b/i,
    stage: ['auth', 'mail', 'rcpt', 'data', 'content'],
    reply: [4, 5],
    when: ({ reply }) => !/mailbox|over ?quota|size|[45]\.(?:2|3)\.\d/i.test(reply?.text ?? ''),
    cure: 'This account has sent as much as its provider allows: wait, send fewer letters (rules[].limit), or use an account with a higher limit.',
  },
  {
    stage: ['rcpt', 'data', 'content'],
    words: /[45]\.2\.2\b|(?:mailbox|inbox).{0,30}full|over ?quota|quota exceeded/i,
    cure: 'The mailbox of the recipient is full: its owner must make room.',
  },
  {
    words: /[45]\.(?:2\.3|3\.4)\b|too (?:big|large)|exceeds .*size|size .*exceed/i,
    cure: 'The letter is larger than this server takes: lower mail.maxBytes.',
  },
  {
    words: /[45]\.3\.1\b|insufficient (?:system )?(?:storage|resources|disk)/i,
    cure: 'The disk of the server is full: it is tried again by itself; if it lasts, tell whoever runs it.',
  },
  {
    stage: ['rcpt', 'data', 'content'],
    words: /[45]\.1\.(?:2|10)\b|5\.4\.4\b|(?:domain|host).{0,20}(?:not found|unknown|does not exist)/i,
    cure: 'The domain of the recipient takes no mail or does not exist: correct the address under people.',
  },
  {
    stage: ['rcpt', 'data', 'content'],
    words:
      /5\.1\.[01]\b|no such (?:user|mailbox|recipient)|(?:user|recipient|mailbox|address).{0,20}(?:unknown|not found|does(?:n't| not) exist|unavailable)|unknown (?:user|recipient)/i,
    cure: 'There is no such mailbox: correct the address under people.',
  },
]

const servers: readonly Row[] = [
  {
    words: /too many (?:concurrent |simultaneous )?(?:smtp )?(?:connections|sessions)|connection (?:rate|count|limit)|[45]\.7\.28\b/i,
    cure: 'There are too many connections from the Internet address of this site, perhaps of other devices behind it: it is tried again by itself.',
  },
  {
    stage: ['ehlo'],
    reply: [5],
    cure: 'The server does not like the name that this box gives itself: write a full name such as ps7.example.org under site.domain.',
  },
  {
    stage: ['greeting'],
    reply: [5],
    cure: 'The server takes no mail from the Internet address of this site: use port 587 (starttls) or 465 (tls) of a relay with a login.',
  },
  { stage: ['mail'], reply: [5], cure: 'Look at mail.from: it must be an address that this relay lets you use.' },
  {
    words: /[45]\.7\.\d+\b|spam|policy|reject|den(?:y|ied)|block/i,
    reply: [5],
    cure: 'A policy of the server refuses it: read its words, look at sender and recipient, and ask whoever runs it.',
  },
  { reply: [4], cure: 'Nothing needs to be done: it is tried again by itself; if it lasts for hours, ask whoever runs the server.' },
]

export const replyCures: readonly Row[] = [...logins, ...security, ...senders, ...strangersOnly, ...letters, ...servers]
