import type { RelayInput } from './relay.ts'

/**
 * Presets: relays of providers that many use, as an entry of `relays` to begin with, and the one sentence that whoever sets it up needs. Data
 * only; the command line, the documentation and the page show the same.
 */
export type Preset = {
  /** Also the id of the relay, and `relay:<name>` names its secret. */
  name: string
  title: string
  relay: Omit<RelayInput, 'id'>
  need: string
}

const password = (name: string, user: string) => ({ kind: 'password' as const, user, password: { secret: `relay:${name}` } })

export const presets: readonly Preset[] = [
  {
    name: 'gmail',
    title: 'Gmail, Google Workspace',
    relay: { host: 'smtp.gmail.com', port: 465, security: 'tls', auth: password('gmail', 'you@gmail.com') },
    need: 'Turn on 2-Step Verification for the account and make an app password: the usual password is not taken, and letters leave from the address of the account.',
  },
  {
    name: 'microsoft-365',
    title: 'Microsoft 365, Exchange Online',
    relay: {
      host: 'smtp.office365.com',
      port: 587,
      security: 'starttls',
      auth: {
        kind: 'oauth2',
        user: 'you@example.org',
        tokenUrl: 'https://login.microsoftonline.com/your-tenant-id/oauth2/v2.0/token',
        clientId: 'your-application-id',
        clientSecret: { secret: 'relay:microsoft-365:client' },
        refreshToken: { secret: 'relay:microsoft-365' },
      },
    },
    need: 'Passwords are being switched off here, so register an application with the delegated permission SMTP.Send, and have an administrator allow Authenticated SMTP for the mailbox.',
  },
  {
    name: 'fastmail',
    title: 'Fastmail',
    relay: { host: 'smtp.fastmail.com', port: 465, security: 'tls', auth: password('fastmail', 'you@fastmail.com') },
    need: 'Make an app password that may use SMTP, under Privacy and Security: the usual password is not taken.',
  },
  {
    name: 'zoho',
    title: 'Zoho Mail',
    relay: { host: 'smtp.zoho.com', port: 465, security: 'tls', auth: password('zoho', 'you@zohomail.com') },
    need: 'The host ends as the region of the account does (smtp.zoho.eu, smtp.zoho.in), is smtppro.zoho.com for a domain of your own, and with two-factor login it wants an app password.',
  },
  {
    name: 'amazon-ses',
    title: 'Amazon SES',
    relay: {
      host: 'email-smtp.eu-central-1.amazonaws.com',
      port: 587,
      security: 'starttls',
      auth: password('amazon-ses', 'your-smtp-user-name'),
    },
    need: 'Write your region into the host name, make SMTP credentials in the SES console (access keys are something else), verify the sender, and leave the sandbox.',
  },
  {
    name: 'mailgun',
    title: 'Mailgun',
    relay: { host: 'smtp.mailgun.org', port: 465, security: 'tls', auth: password('mailgun', 'postmaster@mg.example.org') },
    need: 'User and password are SMTP credentials of your sending domain, and a domain of the EU region has the host smtp.eu.mailgun.org.',
  },
  {
    name: 'postmark',
    title: 'Postmark',
    relay: { host: 'smtp.postmarkapp.com', port: 587, security: 'starttls', auth: password('postmark', 'your-access-key') },
    need: 'Make an SMTP token for a message stream: its access key is the user, its secret key the password; the sender must be a confirmed signature or domain.',
  },
  {
    name: 'sendgrid',
    title: 'SendGrid',
    relay: { host: 'smtp.sendgrid.net', port: 465, security: 'tls', auth: password('sendgrid', 'apikey') },
    need: 'The user is the word apikey, the password an API key that may send mail; the sender must be verified.',
  },
  {
    name: 'postfix',
    title: 'Postfix on the LAN',
    relay: { host: 'mail.example.lan', port: 25, security: 'none', auth: { kind: 'none' } },
    need: 'Add the address of this box to mynetworks of that Postfix; where others share the network use port 587 with starttls and a login, and name the authority of its certificate under ca.',
  },
]

/** The entry of `relays` that a preset stands for. */
export const relayOfPreset = ({ name, relay }: Preset): RelayInput => ({ id: name, ...relay })
