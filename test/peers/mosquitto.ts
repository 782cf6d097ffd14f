import { type ChildProcess, spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { run, start, stop, until } from './process.ts'

const publishMs = 5000

/** A real mosquitto with TLS, a password and a persistent session store. */
export class Mosquitto {
  readonly port: number
  readonly dir: string
  readonly #ca: string
  #child: ChildProcess | undefined

  /** `denied`: a topic filter that the user may not subscribe to. */
  constructor(dir: string, port: number, tls: { ca: string; cert: string; key: string }, denied?: string) {
    this.dir = dir
    this.port = port
    this.#ca = tls.ca
    const users = denied === undefined ? this.#passwords() : this.#roles(denied)
    writeFileSync(
      `${dir}/mosquitto.conf`,
      `user root\nlistener ${port} 127.0.0.1\ncafile ${tls.ca}\ncertfile ${tls.cert}\nkeyfile ${tls.key}\nallow_anonymous false\n${users}persistence true\npersistence_location ${dir}/\nautosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\n`,
    )
  }

  #passwords(): string {
    run('mosquitto_passwd', ['-c', '-b', `${this.dir}/passwd`, 'ps7', 'mqtt-secret'])
    chmodSync(`${this.dir}/passwd`, 0o644)
    return `password_file ${this.dir}/passwd\n`
  }

  /** The file of access rules cannot refuse a subscription; roles can. */
  #roles(denied: string): string {
    const file = `${this.dir}/roles.json`
    run('mosquitto_ctrl', ['dynsec', 'init', file, 'ps7', 'mqtt-secret'])
    const roles = JSON.parse(readFileSync(file, 'utf8'))
    const rights = ['publishClientSend', 'subscribePattern'].map((acltype) => ({ acltype, topic: '#', allow: true }))
    roles.roles[0].acls.push(...rights, { acltype: 'subscribePattern', topic: denied, priority: 10, allow: false })
    writeFileSync(file, JSON.stringify(roles))
    const plugin = run('sh', ['-c', 'find /usr/lib /usr/local/lib -name mosquitto_dynamic_security.so | head -1']).trim()
    return `plugin ${plugin}\nplugin_opt_config_file ${file}\n`
  }

  async start(): Promise<void> {
    this.#child = start('mosquitto', ['-c', `${this.dir}/mosquitto.conf`])
    await until('mosquitto listens', 10_000, () => listens(this.port))
  }

  kill(): Promise<void> {
    return stop(this.#child, 'SIGKILL')
  }

  stop(): Promise<void> {
    return stop(this.#child)
  }

  /** True when the broker confirmed it. */
  publish(topic: string, payload: string, qos: 1 | 2): boolean {
    return spawnSync('mosquitto_pub', this.#words(topic, qos, ['-m', payload]), { timeout: publishMs }).status === 0
  }

  /** The same without holding up everybody else. */
  publishSoon(topic: string, payload: string, qos: 1 | 2): Promise<boolean> {
    return new Promise((resolve) => {
      const child = start('mosquitto_pub', this.#words(topic, qos, ['-m', payload]))
      const late = setTimeout(() => child.kill('SIGKILL'), publishMs)
      child.once('exit', (code) => {
        clearTimeout(late)
        resolve(code === 0)
      })
    })
  }

  /** Where and as whom, for mosquitto's own clients. */
  get where(): string[] {
    return ['-h', 'localhost', '-p', String(this.port), '--cafile', this.#ca, '-u', 'ps7', '-P', 'mqtt-secret']
  }

  #words(topic: string, qos: 1 | 2, payload: string[]): string[] {
    return [...this.where, '-q', String(qos), '-t', topic, ...payload]
  }
}

export const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
