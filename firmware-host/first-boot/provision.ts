/**
 * Provision: what a person wrote into outpost.json on the start partition before the box was first switched on. Pure: text goes in; what to do comes out, or
 * sentences: where, what is wrong, what to write. The settings themselves are judged by `outpost settings import`, which knows them.
 */
import { jsonFault } from './json-place.ts'

export type Address = { address: string; gateway?: string; dns: string[] }
/** `dns` beside DHCP: these servers in place of those that the network names. */
export type Wired = { dhcp: true; dns?: string[] } | ({ dhcp: false } & Address)
export type Wifi = { ssid: string; passphrase: string; country: string; fixed?: Address; dns?: string[] }
/** A part that is missing says nothing; a Wi-Fi of null is forgotten. */
export type Network = { wired?: Wired; wifi?: Wifi | null; ntp?: string[] }
export type Provision = { settings?: Record<string, unknown>; secrets: Record<string, string>; timeZone?: string; network?: Network }
export type Judged = { provision: Provision; findings: [] } | { provision?: undefined; findings: string[] }

const secretsLimit = 100

/** Without the byte order mark that some editors put first. */
const bare = (text: string): string => text.replace(/^\uFEFF/, '')

export function judge(text: string): Judged {
  const json = bare(text)
  const fault = jsonFault(json)
  if (fault)
    return {
      findings: [`line ${fault.line}, column ${fault.column}: This is not valid JSON. ${fault.look} See the field guide for an example.`],
    }
  const value: unknown = JSON.parse(json)
  const judge = new Judge()
  const whole = judge.object('the file', value, ['settings', 'secrets', 'timeZone', 'network'])
  const settings = whole.settings === undefined ? undefined : judge.object('settings', whole.settings)
  const secrets = judge.secrets(whole.secrets)
  const timeZone = judge.timeZone(whole.timeZone)
  const network = whole.network === undefined ? undefined : judge.network(whole.network)
  if (judge.findings.length > 0) return { findings: judge.findings }
  return {
    provision: {
      ...(settings && { settings }),
      secrets,
      ...(timeZone !== undefined && { timeZone }),
      ...(network && { network }),
    },
    findings: [],
  }
}

/** The same file without what must not stay on a partition that any computer reads. */
export function withoutSecrets(text: string): string {
  const value = JSON.parse(bare(text)) as {
    secrets?: Record<string, string>
    network?: { wifi?: { passphrase?: string } }
  }
  const taken = '(taken)'
  if (value.secrets) value.secrets = Object.fromEntries(Object.keys(value.secrets).map((name) => [name, taken]))
  if (value.network?.wifi?.passphrase !== undefined) value.network.wifi.passphrase = taken
  return `${JSON.stringify(value, null, 2)}\n`
}

class Judge {
  readonly findings: string[] = []

  object(path: string, value: unknown, known?: readonly string[]): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.findings.push(`${path}: This is no object. Write { … }.`)
      return {}
    }
    for (const key of Object.keys(value))
      if (known && !known.includes(key)) this.findings.push(`${path}: ${JSON.stringify(key)} is not known. Write ${known.join(', ')}.`)
    return value as Record<string, unknown>
  }

  text(path: string, value: unknown, good: (text: string) => boolean, write: string): string {
    return this.#judged(path, value, good, write, JSON.stringify(value))
  }

  /** The same for what nobody may read: findings go onto the start partition and into the journal. */
  secret(path: string, value: unknown, good: (text: string) => boolean, write: string): string {
    return this.#judged(path, value, good, write, 'What is there')
  }

  #judged(path: string, value: unknown, good: (text: string) => boolean, write: string, shown: string): string {
    if (typeof value === 'string' && good(value)) return value
    this.findings.push(`${path}: ${value === undefined ? 'It is missing.' : `${shown} cannot be used.`} ${write}`)
    return ''
  }

  secrets(value: unknown): Record<string, string> {
    if (value === undefined) return {}
    const found = this.object('secrets', value)
    if (Object.keys(found).length > secretsLimit)
      this.findings.push(`secrets: These are more than ${secretsLimit}. Write those that the settings name.`)
    for (const [name, secret] of Object.entries(found))
      this.secret(
        `secrets.${name}`,
        secret,
        (text) => text.length > 0 && text.length <= 4096,
        'Write the password as a text between double quotes, of at most 4096 characters.',
      )
    return found as Record<string, string>
  }

  timeZone(value: unknown): string | undefined {
    return value === undefined ? undefined : this.text('timeZone', value, isTimeZone, 'Write a name such as Europe/Berlin.')
  }

  network(value: unknown): Network {
    const { wired, wifi, ntp } = this.object('network', value, ['wired', 'wifi', 'ntp'])
    return {
      ...(wired === undefined ? {} : { wired: this.#wired(wired) }),
      ...(wifi === undefined ? {} : { wifi: wifi === null ? null : this.#wifi(wifi) }),
      ...(ntp === undefined ? {} : { ntp: this.#list('network.ntp', ntp, isHost, 'Write names or addresses of time servers.') }),
    }
  }

  #wired(value: unknown): Wired {
    const found = this.object('network.wired', value, ['address', 'gateway', 'dns'])
    return hasAddress(found)
      ? { dhcp: false, ...this.#address('network.wired', found) }
      : { dhcp: true, ...this.#dns('network.wired', found) }
  }

  #wifi(value: unknown): Wifi {
    const path = 'network.wifi'
    const found = this.object(path, value, ['ssid', 'passphrase', 'country', 'address', 'gateway', 'dns'])
    return {
      ssid: this.text(
        `${path}.ssid`,
        found.ssid,
        (text) => bytes(text) >= 1 && bytes(text) <= 32,
        'Write the name of the Wi-Fi, at most 32 octets.',
      ),
      passphrase: this.secret(
        `${path}.passphrase`,
        found.passphrase,
        isPassphrase,
        'Write 8 to 63 characters of ASCII, so no umlauts or accents: a Wi-Fi without a key is not joined.',
      ),
      country: this.text(
        `${path}.country`,
        found.country,
        (text) => /^[A-Z]{2}$/.test(text),
        'Write the country, such as DE: the law on channels is its own.',
      ),
      ...(hasAddress(found) ? { fixed: this.#address(path, found) } : this.#dns(path, found)),
    }
  }

  #address(path: string, { address, gateway, dns }: Record<string, unknown>): Address {
    return {
      address: this.text(
        `${path}.address`,
        address,
        isPrefixed,
        'Write the address with the length of its network, such as 192.168.1.20/24.',
      ),
      ...(gateway === undefined
        ? {}
        : { gateway: this.text(`${path}.gateway`, gateway, isAddress, 'Write an address such as 192.168.1.1.') }),
      dns: [],
      ...this.#dns(path, { dns }),
    }
  }

  #dns(path: string, { dns }: Record<string, unknown>): { dns?: string[] } {
    return dns === undefined ? {} : { dns: this.#list(`${path}.dns`, dns, isAddress, 'Write addresses such as 192.168.1.1.') }
  }

  #list(path: string, value: unknown, good: (text: string) => boolean, write: string): string[] {
    if (value === undefined) return []
    if (!Array.isArray(value) || value.length > 8) {
      this.findings.push(`${path}: This is no list of at most eight. ${write}`)
      return []
    }
    return value.map((one, index) => this.text(`${path}[${index}]`, one, good, write))
  }
}

/** A gateway without an address is a mistake, and told as one. */
const hasAddress = ({ address, gateway }: Record<string, unknown>): boolean => address !== undefined || gateway !== undefined

const bytes = (text: string): number => Buffer.byteLength(text)
/** IEEE 802.11 annex J.4.1: 8 to 63 characters between 32 and 126. */
const isPassphrase = (text: string): boolean => /^[\x20-\x7e]{8,63}$/.test(text)
const isHost = (text: string): boolean => /^[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9:])?$/.test(text)

const isIpv4 = (text: string): boolean =>
  /^(\d{1,3}\.){3}\d{1,3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255 && String(Number(part)) === part)
const isIpv6 = (text: string): boolean => /^[0-9a-fA-F:.]+$/.test(text) && text.includes(':') && URL.canParse(`http://[${text}]/`)
const isAddress = (text: string): boolean => isIpv4(text) || isIpv6(text)

function isPrefixed(text: string): boolean {
  const [address = '', length = '', ...more] = text.split('/')
  if (more.length > 0 || !/^\d{1,3}$/.test(length)) return false
  return (
    (isIpv4(address) && Number(length) >= 1 && Number(length) <= 32) || (isIpv6(address) && Number(length) >= 1 && Number(length) <= 128)
  )
}

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return /^[A-Za-z][A-Za-z0-9_+/-]+$/.test(text)
  } catch {
    return false
  }
}
