import { setupAddress } from './network.ts'
import { pageUrl, type Web } from './page.ts'

/** Identity: what a box is called, from the device id that the gateway made at random. Pure. */
export type Device = { id: string; access?: { claim: string; password?: unknown } }

/** `outpost-` and the last four digits of the id; the gateway answers to it (`hostNameOf` in src/settings/device.ts, and a test holds the two together). Two boxes of one site may share it once in 65,536; then mDNS appends a number. */
export const hostNameOf = ({ id }: Pick<Device, 'id'>): string => `outpost-${id.slice(-4)}`

export const isClaimed = ({ access }: Device): boolean => access?.password !== undefined

/** Without letters and digits that are taken for one another. */
const alphabet = 'abcdefghjkmnpqrstvwxyz23456789'

/** Key of the set-up access point: 16 of 30 signs, 78 bits. `random` gives as many octets as it is asked for. */
export function makeKey(random: (bytes: number) => Uint8Array): string {
  const signs: string[] = []
  // Octets that would favour some signs are thrown away.
  const fair = 256 - (256 % alphabet.length)
  while (signs.length < 16)
    for (const octet of random(32)) if (octet < fair && signs.length < 16) signs.push(alphabet.charAt(octet % alphabet.length))
  return signs.join('')
}

export type LabelFacts = { address: string; claimCode: string; ap?: { name: string; key: string; address: string } }

/** What there is to say. `key`: of the access point, which is left out where the page does not answer at it. */
export function wayIn(
  web: Web,
  { hostName, claimCode, key }: { hostName: string; claimCode: string; key: string | undefined },
): LabelFacts {
  const atAp = pageUrl(web, setupAddress)
  const isThere = new URL(atAp).hostname === setupAddress
  return {
    address: pageUrl(web, `${hostName}.local`),
    claimCode,
    ...(key !== undefined && isThere && { ap: { name: hostName, key, address: atAp } }),
  }
}

/** The way in, as lines of text: for a label, and for the console. */
export const labelText = ({ address, claimCode, ap }: LabelFacts): string =>
  [...(ap ? [`  Wi-Fi ${ap.name}, key ${ap.key}, then ${ap.address}`] : []), `  ${address}`, `  Claim code ${claimCode}`, ''].join('\n')

/** Shown on the console until somebody took the box. The addresses that it has by then follow (rootfs/usr/lib/outpost/host/console). */
export const consoleText = ({ qr, ...facts }: LabelFacts & { qr: string }): string =>
  ['This box has not been set up yet.', labelText(facts), qr, ''].join('\n')
