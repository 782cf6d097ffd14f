/** Page: where the page of this box is opened, by what its settings say of it. Pure. */
export type Web = { listen: string; tls: string }

/** Of settings that say nothing else (src/settings/schema.ts, and a test holds the two together). */
export const usualWeb: Web = { listen: '0.0.0.0:8080', tls: 'off' }

/** Stands for every address of the box, as it does in the settings. */
export const anyAddress = '0.0.0.0'

/** The firewall leads port 80 to it (rootfs/etc/nftables.conf). */
const ledTo = '8080'

/** The URL by a name or an address of this box, without a port that need not be typed; where the page listens on one address alone, by that. */
export function pageUrl({ listen, tls }: Web, host: string): string {
  const [, own = '', port = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(listen) ?? []
  const isEverywhere = own === anyAddress || own === '::'
  const name = isEverywhere ? host : own.includes(':') ? `[${own}]` : own
  const isLed = isEverywhere && tls === 'off' && port === ledTo
  // URL leaves out the port that goes with the scheme.
  return new URL(`${tls === 'off' ? 'http' : 'https'}://${name}${isLed ? '' : `:${port}`}/`).href
}
