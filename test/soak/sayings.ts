import { readFileSync } from 'node:fs'
import { connectAsync, type MqttClient } from 'mqtt'
import { createTransport } from 'nodemailer'
import type { Mosquitto } from '../peers/mosquitto.ts'
import { sleep } from '../peers/process.ts'
import { type SerialSensor, serialSensor } from '../peers/sensor.ts'
import type { SimRandom } from '../sim/world/random.ts'

/** Who says alerts to a box, until `over`, and how many of them were acknowledged. Mean pauses in ms of real time. */
const severities = ['info', 'warning', 'warning', 'error'] as const
const keys = ['pump', 'door', 'level', 'mains'] as const

export class Voice {
  said = 0
  over = false
  readonly #random: SimRandom
  readonly #meanMs: number

  constructor(random: SimRandom, meanMs: number) {
    this.#random = random
    this.#meanMs = meanMs
  }

  /** The next alert, named by `mark` and its place; a storm of 30 once in a hundred. */
  async *next(mark: string): AsyncGenerator<string> {
    for (let i = 1, storm = 0; !this.over; i++) {
      const [key, severity] = [keys[this.#random.below(keys.length)], severities[this.#random.below(severities.length)]]
      yield JSON.stringify({ id: `${mark}-${i}`, key, severity, text: `soak ${mark} ${i}.`, value: this.#random.below(1000) / 10 })
      this.said++
      if (storm === 0 && this.#random.once(100)) storm = 30
      else storm = Math.max(0, storm - 1)
      if (storm === 0) await sleep(-Math.log(1 - this.#random.unit()) * this.#meanMs)
    }
  }
}

/** A publisher whose broker goes and comes: it waits for PUBACK or PUBCOMP, and its client says again what was not acknowledged. */
export async function publisher(broker: Mosquitto, ca: string, name: string): Promise<MqttClient> {
  const options = { username: 'ps7', password: 'mqtt-secret', ca: readFileSync(ca), clientId: name, clean: false, reconnectPeriod: 500 }
  return connectAsync(`mqtts://localhost:${broker.port}`, { ...options, protocolVersion: 5, properties: { sessionExpiryInterval: 86_400 } })
}

export async function publish(client: MqttClient, topic: string, voice: Voice, mark: string): Promise<void> {
  for await (const alert of voice.next(mark)) await client.publishAsync(topic, alert, { qos: voice.said % 2 ? 1 : 2 })
}

/** A device on a line that may be pulled out: it says a line until it is answered, on whatever line is there then. */
export class Plc {
  readonly #path: string
  #sensor: SerialSensor | undefined

  constructor(path: string) {
    this.#path = path
  }

  async say(voice: Voice, mark: string): Promise<void> {
    for await (const alert of voice.next(mark)) while (!(await this.#heard(alert))) await sleep(300)
  }

  pull(): void {
    this.#sensor?.close()
    this.#sensor = undefined
  }

  async #heard(line: string): Promise<boolean> {
    this.#sensor ??= serialSensor(this.#path)
    const sensor = this.#sensor
    try {
      await Promise.race([sensor.send(line), sleep(20_000).then(() => Promise.reject(new Error('not answered')))])
      return true
    } catch {
      sensor.close()
      if (this.#sensor === sensor) this.#sensor = undefined
      return false
    }
  }
}

/** A camera that hands mails over until the box takes them. Its Message-IDs, in their order. */
export async function camera(port: number, voice: Voice, mark: string, octets: number): Promise<string[]> {
  const taken: string[] = []
  const transport = createTransport({ host: '127.0.0.1', port, secure: false, ignoreTLS: true })
  const content = Buffer.alloc(octets, 'soak ')
  for await (const alert of voice.next(mark)) {
    const { id } = JSON.parse(alert) as { id: string }
    const messageId = `<${id}@camera.lan>`
    const mail = {
      messageId,
      from: 'ps7@example.org',
      to: 'ops@example.org',
      subject: id,
      text: 'Motion.',
      attachments: [{ filename: 'a.jpg', content }],
    }
    while (
      !(await transport.sendMail(mail).then(
        () => true,
        () => false,
      ))
    )
      await sleep(500)
    taken.push(messageId)
  }
  transport.close()
  return taken
}
