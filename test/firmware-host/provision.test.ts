import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonFault } from '../../firmware-host/first-boot/json-place.ts'
import { merged, networkUnits, setupApConf, setupApUnit, wifiConf } from '../../firmware-host/first-boot/network.ts'
import { judge, withoutSecrets } from '../../firmware-host/first-boot/provision.ts'
import { exampleJson } from '../../firmware-host/image/start-files.ts'

const site = { ssid: 'Site', passphrase: 'long enough', country: 'DE' }
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
    [{ network: { wired: { dns: ['nonsense'] } } }, /^network\.wired\.dns\[0\]: "nonsense" cannot be used\./],
    [{ network: { wired: { dns: '192.168.1.1' } } }, /^network\.wired\.dns: This is no list/],
    [{ network: { wifi: { ...site, gateway: '10.0.0.1' } } }, /^network\.wifi\.address: It is missing\./],
    [{ network: { wifi: { ...site, dns: ['nonsense'] } } }, /^network\.wifi\.dns\[0\]:/],
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
})

test('what is no JSON is told with line, column and what to look for, and nothing of it is repeated', () => {
  const cases: [text: string, place: string, look: RegExp][] = [
    ['{ "network": ', '1:14', /A value belongs here/],
    ['{\n  "secrets": { "relay:isp": canary }\n}', '2:29', /A value belongs here: a text between double quotes/],
    ['{\n  "secrets": { "relay:isp": "can"ary" }\n}', '2:34', /comma .* double quote inside of a text/],
    ['{ "secrets": { "relay:isp": "canary\n} }', '1:29', /double quote at its end/],
    ['{ "secrets": { "relay:isp": "canary\\!" } }', '1:29', /a backslash/],
    ["{ 'secrets': {} }", '1:3', /A name between double quotes/],
    ['{ "secrets": { "relay:isp" "canary" } }', '1:28', /A colon/],
    ['{ "timeZone": "UTC", }', '1:22', /a comma too many/],
    ['{ "network": { "ntp": ["a",] } }', '1:28', /A value/],
    ['{ "network": { "ntp": ["a" "b"] } }', '1:28', /A comma/],
    ['{} canary', '1:4', /should end/],
    ['{ "secrets": { "relay:isp": 007canary } }', '1:29', /A value/],
    ['', '1:1', /A value/],
  ]
  for (const [text, place, look] of cases) {
    const [found = '', ...more] = judge(text).findings
    const [line, column] = place.split(':')
    assert.ok(found.startsWith(`line ${line}, column ${column}: This is not valid JSON. `), `${text}: ${found}`)
    assert.match(found, look)
    assert.doesNotMatch(found, /canary|can"|ary/)
    assert.deepEqual(more, [])
  }
})

test('what JSON.parse takes has no fault, and what it does not take has one', () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  const spoiled = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[]:,"\\ 01-.eEtnu\n\u0000\u00a0\ufeff'), fc.nat({ max: 2 }))
    .map(([text, at, sign, gone]) => {
      const place = at % (text.length + 1)
      return text.slice(0, place) + sign + text.slice(place + gone)
    })
  fc.assert(
    fc.property(fc.oneof(fc.json(), spoiled), (text) => assert.equal(jsonFault(text) === undefined, isJson(text), JSON.stringify(text))),
    { numRuns: 2000 },
  )
})

test('disclosure of secrets (CWE-532): a finding names the place of a secret, and never repeats it', () => {
  const wifi = { ssid: 'S', country: 'DE' }
  const cases: [value: unknown, place: RegExp][] = [
    [{ network: { wifi: { ...wifi, passphrase: 'größerePasswort' } } }, /^network\.wifi\.passphrase: .* no umlauts/],
    [{ network: { wifi: { ...wifi, passphrase: 12345678 } } }, /^network\.wifi\.passphrase:/],
    [{ network: { wifi: { ...wifi, passphrase: ['canary-1'] } } }, /^network\.wifi\.passphrase:/],
    [{ secrets: { 'relay:isp': 12345678 } }, /^secrets\.relay:isp: .* between double quotes/],
    [{ secrets: { 'relay:isp': { password: 'canary-1' } } }, /^secrets\.relay:isp:/],
    [{ secrets: 'canary-1' }, /^secrets: This is no object/],
    [{ secrets: { 'relay:isp': `canary-1${'x'.repeat(5000)}` } }, /^secrets\.relay:isp: .* 4096/],
  ]
  for (const [value, place] of cases) {
    const [found = '', ...more] = findings(value)
    assert.match(found, place)
    assert.doesNotMatch(found, /Passwort|12345678|canary/)
    assert.deepEqual(more, [])
  }
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
  const wifi = (ssid: string, passphrase: string) => merged({}, { wifi: { ssid, passphrase, country: 'DE' } }).wifi
  assert.equal(wifi('IEEE', 'password')?.pskHex, 'f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e')
  assert.equal(wifi('ThisIsASSID', 'ThisIsAPassword')?.pskHex, '0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af')
  assert.doesNotMatch(JSON.stringify(wifi('IEEE', 'password')), /password/)
})

test('injection into a configuration (CWE-93): a name of a Wi-Fi cannot add a line to the configuration', () => {
  const { wifi } = merged({}, { wifi: { ssid: 'a"\n}\nx', passphrase: 'long enough', country: 'DE' } })
  assert.ok(wifi)
  assert.match(wifiConf(wifi), /^ {2}ssid=61220a7d0a78$/m)
})

test('a fixed address comes before DHCP, and is asked of the right card', () => {
  const judged = judge(
    JSON.stringify({
      network: { wired: { address: '10.1.2.3/24', gateway: '10.1.2.1', dns: ['10.1.2.1', '2001:db8::1'] }, ntp: ['10.1.2.1'] },
    }),
  )
  const units = networkUnits(merged({}, judged.provision?.network ?? {}))
  assert.deepEqual(Object.keys(units), ['50-wired.network'])
  const lines = units['50-wired.network']?.split('\n') ?? []
  for (const line of ['Type=ether', 'Address=10.1.2.3/24', 'Gateway=10.1.2.1', 'DNS=10.1.2.1', 'DNS=2001:db8::1', 'NTP=10.1.2.1'])
    assert.ok(lines.includes(line), line)
  assert.ok(!lines.includes('DHCP=yes'))
})

test('servers for names beside DHCP are asked in place of those that the network tells', () => {
  const { provision } = judge(JSON.stringify({ network: { wired: { dns: ['10.1.2.1'] }, wifi: { ...site, dns: ['2001:db8::1'] } } }))
  const units = networkUnits(merged({}, provision?.network ?? {}))
  for (const [name, server] of [
    ['50-wired.network', '10.1.2.1'],
    ['50-wifi.network', '2001:db8::1'],
  ] as const) {
    const sections = Object.fromEntries((units[name] ?? '').split('\n\n').map((part) => [part.split('\n')[0], part.split('\n')]))
    assert.ok(sections['[Network]']?.includes('DHCP=yes') && sections['[Network]'].includes(`DNS=${server}`), units[name])
    for (const section of ['[DHCPv4]', '[DHCPv6]', '[IPv6AcceptRA]']) assert.ok(sections[section]?.includes('UseDNS=no'), section)
  }
  assert.doesNotMatch(
    networkUnits({ wired: { dhcp: true } })['50-wired.network'] ?? '',
    /^DNS=|UseDNS/m,
    'without them those of the network are asked',
  )
})

test('a later file changes the parts of the network that it names, and no others', () => {
  const said = (network: object) => judge(JSON.stringify({ network })).provision?.network ?? {}
  const first = merged({}, said({ wired: { address: '10.1.2.3/24' }, wifi: site, ntp: ['10.1.2.1'] }))
  assert.deepEqual(merged(first, said({})), first)
  const second = merged(first, said({ ntp: ['10.9.9.9'] }))
  assert.deepEqual(second, { ...first, ntp: ['10.9.9.9'] })
  assert.ok(networkUnits(second)['50-wifi.network'], 'a box that has Wi-Fi alone keeps it')
  assert.deepEqual(merged(second, said({ wired: {} })), { ...second, wired: { dhcp: true } })
  const { wifi: _, ...others } = second
  assert.deepEqual(merged(second, said({ wifi: null })), others)
})

test('nothing said about the network makes no unit: the one of the image holds', () => {
  assert.deepEqual(networkUnits({}), {})
})

test('the set-up access point is never open', () => {
  const conf = setupApConf('outpost-ab12', 'abcdefgh23456789')
  assert.match(conf, /key_mgmt=WPA-PSK$/m)
  assert.match(conf, /proto=RSN$/m)
  assert.match(conf, /psk=[0-9a-f]{64}$/m)
  assert.doesNotMatch(conf, /NONE|abcdefgh23456789/)
  assert.match(setupApUnit, /DHCPServer=yes/)
})
