import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { freePort, runBeside } from '../../peers/process.ts'
import { Group, membersOf } from './group.ts'
import { npmClosure } from './install.ts'
import { type Duty, type Peer, type Running, recipient, sender } from './peer.ts'

/** Node-RED: `mqtt in` -> `e-mail`; what fails is caught and comes again after a delay. Fetched from npm into a cache folder, with exact versions. */
const packages = { 'node-red': '5.0.7', 'node-red-node-email': '5.2.5', 'node-red-node-serialport': '2.0.3' }
const cache = `${process.env.XDG_CACHE_HOME ?? `${homedir()}/.cache`}/outpost-bench`
const home = `${cache}/node-red-${Object.values(packages).join('-')}`
const againSeconds = 5

async function prepare(): Promise<void> {
  if (existsSync(home)) return
  const draft = `${home}.tmp-${process.pid}`
  mkdirSync(draft, { recursive: true })
  try {
    writeFileSync(`${draft}/package.json`, JSON.stringify({ private: true, dependencies: packages }))
    const install = ['install', '--prefix', draft, '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
    await runBeside('npm', install, '', 180_000)
    renameSync(draft, home)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

const flowsOf = ({ broker, relay }: Duty) => [
  { id: 'tab', type: 'tab', label: 'alerts' },
  {
    id: 'broker',
    type: 'mqtt-broker',
    broker: '127.0.0.1',
    port: String(broker.port),
    clientid: broker.clientId,
    autoConnect: true,
    usetls: false,
    protocolVersion: '4',
    keepalive: '60',
    cleansession: false,
  },
  { id: 'in', type: 'mqtt in', z: 'tab', topic: broker.topic, qos: '1', datatype: 'utf8', broker: 'broker', wires: [['subject']] },
  {
    id: 'subject',
    type: 'change',
    z: 'tab',
    rules: [{ t: 'set', p: 'topic', pt: 'msg', to: 'payload', tot: 'msg' }],
    wires: [['mail']],
  },
  {
    id: 'mail',
    type: 'e-mail',
    z: 'tab',
    server: relay.host,
    port: String(relay.port),
    authtype: 'BASIC',
    secure: true,
    tls: true,
    name: recipient,
    wires: [],
  },
  { id: 'failed', type: 'catch', z: 'tab', scope: ['mail'], uncaught: false, wires: [['later']] },
  { id: 'later', type: 'delay', z: 'tab', pauseType: 'delay', timeout: String(againSeconds), timeoutUnits: 'seconds', wires: [['mail']] },
]

const settingsOf = (port: number) => `module.exports = {
  uiHost: '127.0.0.1',
  uiPort: ${port},
  flowFile: 'flows.json',
  credentialSecret: false,
  contextStorage: { default: { module: 'localfilesystem' } },
  telemetry: { enabled: false },
}
`

async function start(duty: Duty): Promise<Running> {
  const user = `${duty.dir}/node-red`
  mkdirSync(user, { recursive: true })
  writeFileSync(`${user}/flows.json`, JSON.stringify(flowsOf(duty)))
  // The sender of a letter is the user that logs in.
  writeFileSync(`${user}/flows_cred.json`, JSON.stringify({ mail: { userid: sender, password: duty.relay.password } }))
  writeFileSync(`${user}/settings.js`, settingsOf(await freePort()))
  const args = [`${home}/node_modules/node-red/red.js`, '--userDir', user, '--settings', `${user}/settings.js`]
  const group = Group.start(process.execPath, args, `${duty.scratch}/node-red.log`, { NODE_EXTRA_CA_CERTS: duty.relay.ca })
  return { pids: () => membersOf([group.id]), kill: () => group.end('SIGKILL'), stop: () => group.end('SIGTERM') }
}

const versionOf = (name: string) =>
  (JSON.parse(readFileSync(`${home}/node_modules/${name}/package.json`, 'utf8')) as { version: string }).version

export const nodeRed: Peer = {
  id: 'node-red',
  title: 'Node-RED',
  keeps: 'in memory',
  acknowledges: 'the MQTT client has handed it over; it is in memory',
  setUp: `a kept MQTT session, context on disk; what fails is caught and comes again after ${againSeconds} s`,
  needs: ['npm'],
  prepare,
  version: () => `Node-RED ${versionOf('node-red')} with node-red-node-email ${versionOf('node-red-node-email')}`,
  install: () => npmClosure(home, Object.keys(packages)),
  start,
}

/** Whether it was fetched before. */
export const isCached = (): boolean => existsSync(home) && readdirSync(home).length > 0
