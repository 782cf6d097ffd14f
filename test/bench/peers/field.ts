import type { ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connectAsync, type MqttClient } from 'mqtt'
import { listens } from '../../peers/mosquitto.ts'
import { freePort, start, stop, until } from '../../peers/process.ts'

/** The broker that all peers listen to, and the one client that publishes every alert. It is elsewhere: what befalls a peer does not befall it. */
export class Field {
  readonly port: number
  readonly #child: ChildProcess
  readonly #client: MqttClient

  private constructor(port: number, child: ChildProcess, client: MqttClient) {
    this.port = port
    this.#child = child
    this.#client = client
  }

  static async open(dir: string): Promise<Field> {
    mkdirSync(dir, { recursive: true })
    const port = await freePort()
    // Nothing may be dropped here, and nobody may wait for Nagle's algorithm; how much may be in flight stays as it comes (20).
    const settings = ['user root', `listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0', 'set_tcp_nodelay true']
    writeFileSync(`${dir}/mosquitto.conf`, `${settings.join('\n')}\n`)
    const child = start('mosquitto', ['-c', `${dir}/mosquitto.conf`])
    await until('mosquitto listens', 10_000, () => listens(port))
    return new Field(port, child, await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: 'sensors' }))
  }

  publish(topic: string, text: string): void {
    this.#client.publish(topic, text, { qos: 1 })
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true)
    await stop(this.#child)
  }
}
