import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { makeCertificates } from './certificates.ts'
import type { Link } from './link.ts'
import { MailServer } from './mail.ts'
import { Mosquitto } from './mosquitto.ts'
import { freePort, missing } from './process.ts'

/** A pump station's world for one test file: a broker, a mail server (perhaps behind a link), an authority that both are certified by. */
export class Station {
  readonly dir: string
  readonly ca: string
  readonly mail: MailServer
  readonly mosquitto: Mosquitto

  private constructor(dir: string, ca: string, mail: MailServer, mosquitto: Mosquitto) {
    this.dir = dir
    this.ca = ca
    this.mail = mail
    this.mosquitto = mosquitto
  }

  /** Why there can be none on this machine. */
  static missing(): string | false {
    return (
      missing('mosquitto', 'mosquitto_pub', 'postfix', 'dovecot', 'socat', 'openssl') ||
      (process.getuid?.() === 0 ? false : 'Postfix needs root')
    )
  }

  static async open(link?: Link): Promise<Station> {
    const dir = mkdtempSync(`${tmpdir()}/outpost-e2e-`)
    chmodSync(dir, 0o755)
    const tls = makeCertificates(dir, link ? [link.far] : [])
    mkdirSync(`${dir}/mqtt`)
    mkdirSync(`${dir}/mail`)
    const mail = new MailServer(`${dir}/mail`, await MailServer.freePorts(), tls, link ? { link } : {})
    const mosquitto = new Mosquitto(`${dir}/mqtt`, await freePort(), tls)
    await Promise.all([mail.start(), mosquitto.start()])
    return new Station(dir, tls.ca, mail, mosquitto)
  }

  async close(): Promise<void> {
    await this.mosquitto.stop()
    await this.mail.stop()
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** Every alert's letter that has arrived. */
  async letters(): Promise<string[]> {
    return (await this.mail.read()).filter((whole) => /^X-Outpost-Number: \d+/m.test(whole))
  }

  /** The settings for this world; `sources` beside the field broker. */
  settings(sources: object[]) {
    const { mail, ca } = this
    const auth = { kind: 'password', user: 'ps7@example.org', password: { secret: 'relay:isp' } }
    const field = {
      id: 'field',
      kind: 'mqtt',
      url: `mqtts://localhost:${this.mosquitto.port}`,
      username: 'ps7',
      password: { secret: 'mqtt' },
      ca,
      qos: 2,
      version: 5,
    }
    return {
      site: { name: 'Pump station 7', domain: 'ps7.example.net' },
      broker: { enabled: false },
      people: [{ id: 'ops', name: 'Ops', address: 'ops@example.org' }],
      mail: { from: 'Pump station 7 <ps7@example.org>' },
      sources: [...sources, field],
      relays: [
        { id: 'submission', host: mail.host, port: mail.ports.submission, security: 'starttls', auth, ca },
        { id: 'smtps', host: mail.host, port: mail.ports.smtps, security: 'tls', auth, ca },
      ],
    }
  }
}

export const stationSecrets = { 'relay:isp': 'smtp-secret', mqtt: 'mqtt-secret' }
