import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { chmodSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { connectAsync, type MqttClient } from 'mqtt'
import { silent } from '../../../src/ports/log.ts'
import { NodeBroker } from '../../../src/ports/node/broker.ts'
import { listens } from '../../peers/mosquitto.ts'
import { freePort, missing, sleep, start, stop, until } from '../../peers/process.ts'
import type { BrokerWorld } from '../broker-world.ts'
import { Tap } from './tap.ts'

/** A real mosquitto for the Broker contract: it knows users, and what each may subscribe to; a restart forgets all sessions. */
const plugin = globSync('/usr/lib/*/mosquitto_dynamic_security.so')[0]
export const skip = missing('mosquitto') || (plugin ? false : missing('mosquitto_dynamic_security.so'))

const unwritable = 'outpost/forbidden'
const passwords = { box: 'box-secret', device: 'device-secret' }

/** The file of the plugin for dynamic security, as its own command would write it. */
function users(): string {
  const client = (username: keyof typeof passwords) => {
    const salt = randomBytes(12)
    const password = pbkdf2Sync(passwords[username], salt, 101, 64, 'sha512').toString('base64')
    return { username, password, salt: salt.toString('base64'), iterations: 101, roles: [{ rolename: username }] }
  }
  const role = (rolename: keyof typeof passwords, topics: string[]) => ({
    rolename,
    acls: [
      ...topics.map((topic) => ({ acltype: 'subscribePattern', topic, allow: true })),
      { acltype: 'publishClientSend', topic: unwritable, allow: rolename !== 'box' },
    ],
  })
  return JSON.stringify({
    defaultACLAccess: { publishClientSend: true, publishClientReceive: true, subscribe: false, unsubscribe: true },
    clients: [client('box'), client('device')],
    groups: [],
    roles: [role('box', ['alerts/#', 'doors/#']), role('device', ['#'])],
  })
}

class Peer {
  readonly port: number
  readonly #dir: string
  #child: ReturnType<typeof start> | undefined

  constructor(dir: string, port: number) {
    this.#dir = dir
    this.port = port
    writeFileSync(`${dir}/users.json`, users())
    writeFileSync(
      `${dir}/mosquitto.conf`,
      `user root\nlistener ${port} 127.0.0.1\nallow_anonymous false\npersistence false\nplugin ${plugin}\nplugin_opt_config_file ${dir}/users.json\n`,
    )
  }

  async start(): Promise<void> {
    this.#child = start('mosquitto', ['-c', `${this.#dir}/mosquitto.conf`])
    for (let i = 0; i < 200 && !(await listens(this.port)); i++) await sleep(10)
    await until('mosquitto listens', 5000, () => listens(this.port))
  }

  stop(): Promise<void> {
    return stop(this.#child, 'SIGKILL')
  }
}

export const nodeBrokerWorld = (version: 4 | 5) => async (): Promise<BrokerWorld> => {
  const dir = mkdtempSync(`${tmpdir()}/outpost-broker-`)
  chmodSync(dir, 0o755)
  const mosquitto = new Peer(dir, await freePort())
  await mosquitto.start()
  const tap = new Tap(mosquitto.port, version)
  await tap.open()
  const heard: string[] = []
  const retained = new Map<string, string>()
  const meetDevice = async (): Promise<MqttClient> => {
    const client = await connectAsync(`mqtt://127.0.0.1:${mosquitto.port}`, {
      username: 'device',
      password: passwords.device,
      protocolVersion: 5,
      reconnectPeriod: 0,
    })
    client.on('error', () => {})
    client.on('message', (topic, payload, sent) => {
      heard.push(`${topic} ${payload}`)
      if (sent.retain) retained.set(topic, payload.toString())
    })
    // Retain as published: otherwise only what was there before the subscription bears the flag.
    await client.subscribeAsync('outpost/#', { qos: 1, rap: true })
    return client
  }
  let device = await meetDevice()
  return {
    broker: new NodeBroker(silent),
    options: {
      url: `mqtt://127.0.0.1:${tap.port}`,
      clientId: 'box',
      version,
      username: 'box',
      password: passwords.box,
      topics: ['alerts/#'],
      qos: 2,
      keepaliveS: 60,
      receiveMaximum: 64,
      sessionExpiryS: 3600,
      connectTimeoutMs: 5000,
    },
    wrong: { password: 'guessed' },
    forbidden: 'secrets/#',
    unwritable,
    publish: async (topic, payload, { qos = 0, retain = false } = {}) => void (await device.publishAsync(topic, payload, { qos, retain })),
    acknowledged: () => tap.acknowledged,
    published: () => heard.filter((line) => line.startsWith('outpost/box/said ')),
    retained: async (topic) => retained.get(topic),
    lose: (what, then) => tap.lose(what, then),
    cut: () => tap.cut(),
    freeze: () => tap.freeze(),
    forget: async () => {
      await device.endAsync(true)
      await mosquitto.stop()
      await mosquitto.start()
      device = await meetDevice()
    },
    vanish: () => tap.close(),
    pass: sleep,
    done: async () => {
      await tap.close()
      await device.endAsync(true)
      await mosquitto.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
