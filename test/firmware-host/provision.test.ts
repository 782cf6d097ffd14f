import assert from 'node:assert/strict'
import { test } from 'node:test'
import { known, networkUnits, setupApConf, setupApUnit, wifiConf } from '../../firmware-host/first-boot/network.ts'
import { judge, withoutSecrets } from '../../firmware-host/first-boot/provision.ts'
import { exampleJson } from '../../firmware-host/image/start-files.ts'

const findings = (value: unknown): string[] => judge(JSON.stringify(value)).findings

test('the example that lies on every card is valid', () => {
  for (const wifi of [true, false]) assert.deepEqual(judge(exampleJson({ wifi } as never)).findings, [])
})

test('what is wrong is told with its place and what to write', () => {
  const cases: [unknown, RegExp][] = [
    [[], /^the file: This is no object/],
    [{ netwerk: {} }, /^the file: "netwerk" is not known\. Write settings, secrets, timeZone, network\.$/],
    [{ timeZone: 'Berlin' }, /^timeZone: "Berlin" cannot be used\. Write a name such as Europe\/Berlin\.$/],
    [{ network: { wired: { address: '192.168.1.20' } } }, /^network\.wired\.address: .*192\.168\.1\.20\/24\.$/],
    [{ network: { wired: { address: '192.168.1.256/24' } } }, /^network\.wired\.address:/],
    [{ network: { wired: { address: '10.0.0.1/8', gateway: '10.0.0.254\nDNS=6.6.6.6' } } }, /^network\.wired\.gateway:/],
    [{ network: { wired: { gateway: '10.0.0.1' } } }, /^network\.wired\.address: It is missing\./],
    [
      { network: { wifi: { ssid: 'Site', country: 'DE' } } },
      /^network\.wifi\.passphrase: It is missing\. .*without a key is not joined\.$/,
    ],
    [{ network: { wifi: { ssid: 'Site', passphrase: 'short', country: 'DE' } } }, /^network\.wifi\.passphrase:/],
    [{ network: { wifi: { ssid: 'Site', passphrase: 'long enough', country: 'Germany' } } }, /^network\.wifi\.country:/],
    [{ network: { ntp: ['time.example.org', 'a b'] } }, /^network\.ntp\[1\]:/],
    [{ secrets: { 'relay:isp': 7 } }, /^secrets\.relay:isp:/],
  ]
  for (const [value, expected] of cases) {
    const found = findings(value)
    assert.equal(found.length, 1, JSON.stringify(value))
    assert.match(found[0] ?? '', expected)
  }
  assert.match(judge('{ "network": ').findings[0] ?? '', /^This is not valid JSON/)
})

test('a file written by an editor that begins it with a byte order mark is taken', () => {
  assert.deepEqual(judge('\uFEFF{}').findings, [])
  assert.equal(withoutSecrets('\uFEFF{}'), '{}\n')
})

test('disclosure of secrets (CWE-312): no secret is left in what stays on the card', () => {
  const text = JSON.stringify({
    secrets: { 'relay:isp': 'canary-1' },
    network: { wifi: { ssid: 'S', passphrase: 'canary-22', country: 'DE' } },
    timeZone: 'UTC',
  })
  const left = withoutSecrets(text)
  assert.doesNotMatch(left, /canary/)
  assert.match(left, /"relay:isp": "\(taken\)"/)
  assert.match(left, /"timeZone": "UTC"/)
})

test('the pass phrase of a Wi-Fi is kept as its key only (vectors of IEEE 802.11 annex J.4.2)', () => {
  const wifi = (ssid: string, passphrase: string) => known({ wifi: { ssid, passphrase, country: 'DE' }, ntp: [] }).wifi
  assert.equal(wifi('IEEE', 'password')?.pskHex, 'f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e')
  assert.equal(wifi('ThisIsASSID', 'ThisIsAPassword')?.pskHex, '0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af')
  assert.doesNotMatch(JSON.stringify(wifi('IEEE', 'password')), /password/)
})

test('injection into a configuration (CWE-93): a name of a Wi-Fi cannot add a line to the configuration', () => {
  const { wifi } = known({ wifi: { ssid: 'a"\n}\nx', passphrase: 'long enough', country: 'DE' }, ntp: [] })
  assert.ok(wifi)
  assert.match(wifiConf(wifi), /^ {2}ssid=61220a7d0a78$/m)
})

test('a fixed address comes before DHCP, and is asked of the right card', () => {
  const judged = judge(
    JSON.stringify({
      network: { wired: { address: '10.1.2.3/24', gateway: '10.1.2.1', dns: ['10.1.2.1', '2001:db8::1'] }, ntp: ['10.1.2.1'] },
    }),
  )
  const units = networkUnits(known(judged.provision?.network ?? { ntp: [] }))
  assert.deepEqual(Object.keys(units), ['50-wired.network'])
  const lines = units['50-wired.network']?.split('\n') ?? []
  for (const line of ['Type=ether', 'Address=10.1.2.3/24', 'Gateway=10.1.2.1', 'DNS=10.1.2.1', 'DNS=2001:db8::1', 'NTP=10.1.2.1'])
    assert.ok(lines.includes(line), line)
  assert.ok(!lines.includes('DHCP=yes'))
})

test('nothing said about the network makes no unit: the one of the image holds', () => {
  assert.deepEqual(networkUnits({ ntp: [] }), {})
})

test('the set-up access point is never open', () => {
  const conf = setupApConf('outpost-ab12', 'abcdefgh23456789')
  assert.match(conf, /key_mgmt=WPA-PSK$/m)
  assert.match(conf, /proto=RSN$/m)
  assert.match(conf, /psk=[0-9a-f]{64}$/m)
  assert.doesNotMatch(conf, /NONE|abcdefgh23456789/)
  assert.match(setupApUnit, /DHCPServer=yes/)
})
