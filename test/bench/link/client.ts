import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/**
 * A measured client is a process of its own in the near namespace. It warms up, says `ready`, begins at `go`, and says its figures as one
 * line of JSON. What it is to do comes as JSON in its first argument.
 */
export type Job = {
  host: string
  port: number
  security: 'tls' | 'starttls'
  /** A file with the authority of the relay's certificate. */
  ca: string
  user: string
  password: string
  letters: number
  /** Names this run; every Message-ID of it is made from it. */
  tag: string
  /** How many connections, for those who ask: 0 is one for each letter. */
  connections: number
  /** A flight of one letter goes ahead, so that the relay is known. */
  known: boolean
  /** The one letter is the digest of 50 alerts. */
  digest: boolean
}

export type Figures = {
  /** Seconds until the first and the last letter was the server's; NaN becomes null on the way. */
  first: number | null
  all: number | null
  delivered: number
  /** What became of the others, in words. */
  faults: string[]
  cpuSeconds: number
  /** Resident memory over what it was when the run began, at its highest, in octets. */
  grown: number
}

/** What a client tells while it runs. */
export type Tally = { delivered(): void; failed(why: string): void }

export async function measure(warmUp: (job: Job) => Promise<void>, run: (job: Job, tally: Tally) => Promise<void>): Promise<void> {
  const job = JSON.parse(process.argv[2] ?? '{}') as Job
  if (job.known) await warmUp(job)
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  process.stdout.write('ready\n')
  if ((await lines.next()).value !== 'go') process.exit(1)
  const { figures, tally, end } = begin()
  await run(job, tally)
  end()
  process.stdout.write(`${JSON.stringify(figures)}\n`)
  // Whoever keeps connections open is not asked to close them: the process is the client.
  await lines.next()
  process.exit(0)
}

function begin(): { figures: Figures; tally: Tally; end(): void } {
  const figures: Figures = { first: null, all: null, delivered: 0, faults: [], cpuSeconds: 0, grown: 0 }
  const memory = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
  // proc(5): 5 sets the highest resident size to what it is now.
  writeFileSync('/proc/self/clear_refs', '5')
  const resident = memory('VmRSS')
  const cpu = process.cpuUsage()
  const from = performance.now()
  const tally: Tally = {
    delivered() {
      figures.delivered++
      figures.all = (performance.now() - from) / 1000
      figures.first ??= figures.all
    },
    failed: (why) => void figures.faults.push(why),
  }
  const end = () => {
    const { user, system } = process.cpuUsage(cpu)
    figures.cpuSeconds = (user + system) / 1e6
    figures.grown = memory('VmHWM') - resident
  }
  return { figures, tally, end }
}
