import type { Board } from './board.ts'

/** Files for the person with the card in hand. Pure. */
export const readme = ({ title }: Board): string =>
  [
    `Outpost for ${title}`,
    '',
    'Before the box is switched on for the first time, its network, time zone and settings',
    'may be written into a file outpost.json here. outpost.example.json shows how: copy it,',
    'and delete what you do not need. The box takes the file once, removes the secrets from',
    'this card and says in outpost-result.txt what came of it.',
    '',
    'Without that file: the box asks the network for an address (DHCP). Once it has run,',
    'outpost-label.txt and outpost-label.svg here tell its address and claim code.',
    '',
  ].join('\r\n')

const example = {
  timeZone: 'Europe/Berlin',
  network: {
    wired: { address: '192.168.1.20/24', gateway: '192.168.1.1', dns: ['192.168.1.1'] },
    wifi: { ssid: 'Site', passphrase: 'write the key here', country: 'DE' },
    ntp: ['192.168.1.1'],
  },
  settings: {
    site: { name: 'Pump station 7', domain: 'ps7.example.org' },
    people: [{ id: 'ops', name: 'Ops desk', address: 'ops@example.org' }],
    mail: { from: 'Pump station 7 <ps7@example.org>' },
    relays: [
      {
        id: 'isp',
        host: 'smtp.example.org',
        port: 587,
        security: 'starttls',
        auth: { kind: 'password', user: 'ps7@example.org', password: { secret: 'relay:isp' } },
      },
    ],
    sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyUSB0', baudRate: 9600 }],
  },
  secrets: { 'relay:isp': 'write the password here' },
}

export function exampleJson({ wifi }: Board): string {
  const { wifi: wireless, ...network } = example.network
  return `${JSON.stringify({ ...example, network: wifi ? { ...network, wifi: wireless } : network }, null, 2)}\n`.replaceAll('\n', '\r\n')
}
