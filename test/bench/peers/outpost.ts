import { readFileSync, statSync } from 'node:fs'
import { Outpost } from '../../peers/outpost.ts'
import { freePort } from '../../peers/process.ts'
import { npmClosure } from './install.ts'
import { type Duty, type Peer, type Running, recipient, sender } from './peer.ts'

/** Outpost itself, as it is installed: the built bundle, its page, its journal; settings by default but for what names this world. */
const root = new URL('../../..', import.meta.url).pathname

const settingsOf = ({ broker, relay }: Duty, page: number) => ({
  site: { name: 'Pump station 7', domain: 'ps7.example.net' },
  broker: { enabled: false },
  web: { listen: `127.0.0.1:${page}` },
  people: [{ id: 'ops', name: 'Ops', address: recipient }],
  mail: { from: `Pump station 7 <${sender}>` },
  sources: [{ id: 'field', kind: 'mqtt', url: `mqtt://127.0.0.1:${broker.port}`, topics: [broker.topic], clientId: broker.clientId }],
  relays: [
    {
      id: 'isp',
      host: relay.host,
      port: relay.port,
      security: 'tls',
      ca: relay.ca,
      auth: { kind: 'password', user: relay.user, password: { secret: 'relay:isp' } },
    },
  ],
})

async function start(duty: Duty): Promise<Running> {
  const outpost = new Outpost(`${duty.dir}/data`, settingsOf(duty, await freePort()), { 'relay:isp': duty.relay.password })
  outpost.begin()
  return {
    pids: () => [outpost.pid],
    kill: () => outpost.kill(),
    stop: async () => void (await outpost.stop()),
  }
}

export const outpost: Peer = {
  id: 'outpost',
  title: 'Outpost',
  keeps: 'on the disk',
  acknowledges: 'the alert is in the journal on the box, after fdatasync',
  setUp: 'defaults; MQTT source, one relay, the page is served',
  needs: [],
  version: () => `Outpost ${(JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }).version}`,
  install() {
    const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { dependencies: Record<string, string> }
    // What is installed is the bundle, the page and the one native package; what is bundled are all the others.
    const bindings = npmClosure(root, ['@serialport/bindings-cpp'])
    const own = statSync(`${root}dist/outpost.cjs`).size / 1048576
    return { mebibytes: own + bindings.mebibytes, packages: npmClosure(root, Object.keys(dependencies)).packages }
  },
  start,
}
