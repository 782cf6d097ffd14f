import { readFileSync } from 'node:fs'
import { connect } from 'mqtt'
import { createTransport } from 'nodemailer'
import { type Duty, recipient, sender } from './peer.ts'

/**
 * nodemailer behind an MQTT client, a program of thirty lines as its documentation suggests. `pool.ts DUTY at-once`: a pool of 5, whoever has an
 * alert sends it. `pool.ts DUTY after-relay`: an alert is acknowledged when the relay has it, and tried again until then.
 */
const [text = '{}', when = 'at-once'] = process.argv.slice(2)
const { broker, relay } = JSON.parse(text) as Duty
const againMs = 5000

const transport = createTransport({
  pool: true,
  host: relay.host,
  port: relay.port,
  secure: true,
  auth: { user: relay.user, pass: relay.password },
  tls: { ca: readFileSync(relay.ca) },
  name: 'ps7.example.org',
})
const send = (alert: string) => transport.sendMail({ from: sender, to: recipient, subject: alert, text: alert })

const client = connect(`mqtt://127.0.0.1:${broker.port}`, { clientId: broker.clientId, clean: false })
if (when === 'at-once') client.on('message', (_, payload) => void send(payload.toString()).catch((error) => console.error(String(error))))
else
  client.handleMessage = ({ payload }, done) => {
    const attempt = () =>
      send(String(payload)).then(
        () => done(),
        (error) => {
          console.error(String(error))
          setTimeout(attempt, againMs)
        },
      )
    void attempt()
  }
client.on('connect', () => void client.subscribe(broker.topic, { qos: 1 }))
