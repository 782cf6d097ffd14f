/** Addresses, hosts and the like, as the settings may hold them. Pure. */
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const hostPattern = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`)
const localPattern = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
/** RFC 5321 section 4.5.3.1. */
const localChars = 64
const addressChars = 254

export const isHostName = (text: string): boolean => hostPattern.test(text)

/** A host name, an IPv4 or an IPv6 address. */
export const isHost = (text: string): boolean => isHostName(text) || (text.includes(':') && /^[0-9A-Fa-f:.]{2,45}$/.test(text))

/** `local@domain`, ASCII (an address with UTF-8 in front of the @ needs SMTPUTF8, which relays seldom have). */
export function isAddress(text: string): boolean {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  return at > 0 && text.length <= addressChars && local.length <= localChars && localPattern.test(local) && isHostName(text.slice(at + 1))
}

/** An address, or `Name <address>`; without control characters, also where they would be trimmed. */
export function isMailbox(text: string): boolean {
  if (/[\u0000-\u001f\u007f]/.test(text)) return false
  const found = /^([^<>]{0,100})<([^<>]+)>$/.exec(text.trim())
  return found ? isAddress(found[2] ?? '') : isAddress(text.trim())
}

/** `host:port`, also `[::1]:port`. */
export function isListen(text: string): boolean {
  const found = /^(.+):(\d{1,5})$/.exec(text)
  return found !== null && isHost((found[1] ?? '').replace(/^\[(.*)\]$/, '$1')) && Number(found[2]) <= 65535
}

/** The address of a name server, with or without a port: `192.0.2.53`, `192.0.2.53:53`, `[2001:db8::53]:53`. A name would have to be looked up first. */
export function isNameServer(text: string): boolean {
  const found = /^(?:\[(?<six>[0-9A-Fa-f:.]+)\]|(?<four>[\d.]+))(?::(?<port>\d{1,5}))?$|^(?<bare>[0-9A-Fa-f:.]+)$/.exec(text)?.groups
  const { six, four, bare, port = '53' } = found ?? {}
  return (isIPv4(four ?? '') || isIPv6(six ?? bare ?? '')) && Number(port) > 0 && Number(port) <= 65535
}

/** An IPv4 or IPv6 address, without brackets. */
export const isIP = (text: string): boolean => isIPv4(text) || isIPv6(text)

const isIPv4 = (text: string): boolean => /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text)
const isIPv6 = (text: string): boolean => text.includes(':') && URL.canParse(`http://[${text}]/`)

/** This very machine: nothing leaves it. */
export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)

/** Where secrets are sent: over TLS, or without leaving this machine; no user in it. */
export function isTokenUrl(text: string): boolean {
  // URL passes over blanks and control characters in silence.
  const url = /[\s\0-\x1f\x7f]/.test(text) ? null : URL.parse(text)
  const plain = url?.protocol === 'http:' && isLoopbackHost(url.hostname)
  return (plain || url?.protocol === 'https:') && url?.username === '' && url.password === '' && url.hash === ''
}

/** `192.168.0.0/16`, `2001:db8::/32`, or one address. */
export const isNetwork = (text: string): boolean => bitsOf(text) !== undefined

/** Whether an address is in one of these networks. */
export function isIn(address: string, networks: readonly string[]): boolean {
  const own = bitsOf(address)
  return networks.some((network) => {
    const wanted = bitsOf(network)
    return own !== undefined && wanted !== undefined && own.width === wanted.width && own.bits >> wanted.free === wanted.bits >> wanted.free
  })
}

/** The bits of an address, how many it has, and how many of them the network leaves free. */
function bitsOf(text: string): { bits: bigint; width: number; free: bigint } | undefined {
  const [address = '', length, ...rest] = text.split('/')
  const groups = isIPv4(address)
    ? address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
    : isIPv6(address)
      ? groupsOf(address)
      : undefined
  if (!groups || rest.length > 0) return undefined
  const width = isIPv4(address) ? 32 : 128
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > width)) return undefined
  return { bits: BigInt(`0x${groups.join('')}`), width, free: BigInt(width - Number(length ?? width)) }
}

/** The eight groups of an IPv6 address, four digits each. */
export function groupsOf(address: string): string[] {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::')
  const parts = (text: string) => (text === '' ? [] : text.split(':'))
  const [front, back] = [parts(head), parts(tail ?? '')]
  const gap = Array.from({ length: 8 - front.length - back.length }, () => '0')
  return [...front, ...gap, ...back].map((group) => group.padStart(4, '0'))
}

/** `host:port`, also `[::1]:port`. */
export function hostAndPort(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':')
  return { host: listen.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(listen.slice(colon + 1)) }
}
