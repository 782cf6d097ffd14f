import { readFileSync } from 'node:fs'
import { createTransport } from 'nodemailer'
import { type Job, measure, type Tally } from './client.ts'
import { letterOf } from './letters.ts'

/** nodemailer as a measured client: a pool of connections, or one for each letter. */
const transportOf = (job: Job) =>
  createTransport({
    pool: true,
    maxConnections: job.connections === 0 ? job.letters : job.connections,
    maxMessages: Number.POSITIVE_INFINITY,
    host: job.host,
    port: job.port,
    secure: job.security === 'tls',
    requireTLS: job.security === 'starttls',
    auth: { user: job.user, pass: job.password },
    tls: { ca: readFileSync(job.ca) },
    name: 'ps7.example.org',
  })

type Transport = ReturnType<typeof transportOf>

async function send(transport: Transport, tag: string, n: number, tally: Tally): Promise<void> {
  const { from, to, content } = letterOf(tag, n)
  try {
    await transport.sendMail({ envelope: { from, to }, raw: Buffer.from(content) })
    tally.delivered()
  } catch (error) {
    tally.failed(String(error))
  }
}

/** Every connection always has a letter in hand and the next one queued, and no more of them are in memory. */
async function sendAll(job: Job, tally: Tally): Promise<void> {
  const transport = transportOf(job)
  let given = 0
  const feed = async () => {
    while (given < job.letters) await send(transport, job.tag, ++given, tally)
  }
  await Promise.all(Array.from({ length: 2 * (job.connections || job.letters) }, feed))
  transport.close()
}

await measure(async (job) => {
  const transport = transportOf(job)
  await send(transport, `${job.tag}-ahead`, 1, { delivered: () => {}, failed: (why) => console.error(why) })
  transport.close()
}, sendAll)
