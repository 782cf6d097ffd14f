import { pbkdf2Sync } from 'node:crypto'
import type { Address, Network, Wifi } from './provision.ts'

/** Network: what the provisioning file says, as units of systemd-networkd and networks of wpa_supplicant. Pure; every text that goes in was judged before. */
export type KnownWifi = { ssidHex: string; pskHex: string; country: string; fixed?: Address; dns?: string[] }
/** What is kept on the data partition: no pass phrase, but the key that comes of it. */
export type KnownNetwork = Omit<Network, 'wifi'> & { wifi?: KnownWifi }

/** IEEE 802.11 annex J.4.1. */
const pskOf = (ssid: string, passphrase: string): string => pbkdf2Sync(passphrase, ssid, 4096, 32, 'sha1').toString('hex')

/** A part that is not named stays as it was: a file that names time servers alone costs no box its Wi-Fi. `wifi: null` forgets it. */
export function merged(before: KnownNetwork, { wifi, ...said }: Network): KnownNetwork {
  const { wifi: knownWifi, ...others } = before
  const next = wifi === undefined ? knownWifi : wifi === null ? undefined : withKey(wifi)
  return { ...others, ...said, ...(next && { wifi: next }) }
}

const withKey = ({ ssid, passphrase, ...wifi }: Wifi): KnownWifi => ({
  ssidHex: Buffer.from(ssid).toString('hex'),
  pskHex: pskOf(ssid, passphrase),
  ...wifi,
})

/** Files below /run/systemd/network. */
export function networkUnits({ wired, wifi, ntp = [] }: KnownNetwork): Record<string, string> {
  const units: Record<string, string> = {}
  if (wired || ntp.length > 0)
    units['50-wired.network'] = unit(['Type=ether', 'Kind=!*'], wired?.dhcp === false ? wired : undefined, wired?.dns, ntp)
  if (wifi) units['50-wifi.network'] = unit(['Name=wlan0'], wifi.fixed, wifi.dns, ntp)
  return units
}

function unit(match: readonly string[], fixed: Address | undefined, dns: readonly string[] = [], ntp: readonly string[]): string {
  const from = fixed ? [`Address=${fixed.address}`, ...(fixed.gateway === undefined ? [] : [`Gateway=${fixed.gateway}`])] : ['DHCP=yes']
  const servers = fixed?.dns ?? dns
  // Those of the network would be asked as well.
  const alone = servers.length > 0 ? ['UseDNS=no'] : []
  return [
    '[Match]',
    ...match,
    '',
    '[Network]',
    ...from,
    ...servers.map((server) => `DNS=${server}`),
    ...ntp.map((server) => `NTP=${server}`),
    'MulticastDNS=yes',
    '',
    '[DHCPv4]',
    'ClientIdentifier=mac',
    ...alone,
    '',
    '[DHCPv6]',
    'DUIDType=link-layer',
    ...alone,
    '',
    ...(alone.length > 0 ? ['[IPv6AcceptRA]', ...alone, ''] : []),
  ].join('\n')
}

/** For wpa_supplicant: the Wi-Fi of the site, WPA2, never less. WPA3 (SAE) would need the pass phrase itself, and only the key that comes of it is kept; a network for both is joined by WPA2. */
export const wifiConf = ({ ssidHex, pskHex, country }: KnownWifi): string =>
  [
    `country=${country}`,
    'update_config=0',
    'network={',
    `  ssid=${ssidHex}`,
    `  psk=${pskHex}`,
    '  key_mgmt=WPA-PSK WPA-PSK-SHA256',
    '  proto=RSN',
    '  ieee80211w=1',
    '  scan_ssid=1',
    '}',
    '',
  ].join('\n')

export const setupAddress = '192.168.77.1'

/** For wpa_supplicant: an access point of our own, WPA2 with the key of this box. Channel 6, which is allowed everywhere. */
export const setupApConf = (ssid: string, key: string): string =>
  [
    'update_config=0',
    'network={',
    `  ssid="${ssid}"`,
    '  mode=2',
    '  frequency=2437',
    '  key_mgmt=WPA-PSK',
    '  proto=RSN',
    '  pairwise=CCMP',
    `  psk=${pskOf(ssid, key)}`,
    '}',
    '',
  ].join('\n')

export const setupApUnit = [
  '[Match]',
  'Name=wlan0',
  '',
  '[Network]',
  `Address=${setupAddress}/24`,
  'DHCPServer=yes',
  'MulticastDNS=yes',
  '',
  '[DHCPServer]',
  'PoolOffset=10',
  'PoolSize=50',
  'EmitDNS=no',
  'EmitRouter=no',
  '',
  '[Link]',
  // It is up at once; the console waits for the address that a cable brings.
  'RequiredForOnline=no',
  '',
].join('\n')
