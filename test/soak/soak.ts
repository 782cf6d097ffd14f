import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import type { MqttClient } from 'mqtt'
import { leanEnv, leanFlags } from '../peers/lean.ts'
import { Link } from '../peers/link.ts'
import { Outpost, type Place } from '../peers/outpost.ts'
import { freePort, sleep, stop, until } from '../peers/process.ts'
import { ptyPair } from '../peers/pty.ts'
import { Station, stationSecrets } from '../peers/station.ts'
import { SimRandom } from '../sim/world/random.ts'
import { type Blow, calendar, type Event } from './calendar.ts'
import { type Sample, type Trend, trends, weigh } from './gauges.ts'
import { emptyInbox } from './inbox.ts'
import { camera, Plc, publish, publisher, Voice } from './sayings.ts'
import { Told } from './told.ts'
import { Visitor } from './visits.ts'

/**
 * A soak: two boxes over one broker, one relay at the end of a link, a line, a camera and a visitor each. One is left alone with whatever befalls the
 * world around it; its process must stay as small as it was. The other one is stopped and killed, too. Nothing that was acknowledged may be lost.
 */
export type SoakOptions = {
  /** Of real time. */
  seconds: number
  /** Of the calendar. */
  hours: number
  seed: number
  /** Mean pause between alerts of one voice, in real ms. */
  pauseMs: number
  report(line: string): void
}

export type Verdict = {
  samples: Sample[]
  trends: Trend[]
  events: Event[]
  said: number
  mails: number
  digests: number
  /** Letters that came again: the same Message-ID, the same octets. */
  again: number
  visits: number
  /** Mails read by POP3 at all visits, and the longest that a visit to the mailbox took. */
  readings: { mails: number; aged: number; slowestMs: number }
  faults: string[]
}

const boxProgram = new URL('box.ts', import.meta.url).pathname
const arrivalMs = 240_000
/** Whoever uses the machine beside a soak slows it down; that is no fault of the box. */
const patienceMs = 180_000
const cameraOctets = 30_000
const hourMs = 3_600_000
const stepMs = [3 * hourMs, -2 * hourMs, 0]

type Box = {
  name: string
  site: string
  outpost: Outpost
  line: string
  smtpPort: number
  pair: ChildProcess
  plc: Plc
  voices: { mqtt: Voice; line: Voice; camera: Voice }
  visitor: Visitor
  /** What is done to it is done one after the other. */
  turn: Promise<void>
}

export async function soak(options: SoakOptions): Promise<Verdict> {
  const world = await World.open(options)
  try {
    return await world.live()
  } finally {
    await world.close()
  }
}

class World {
  readonly #options: SoakOptions
  readonly #link: Link
  readonly #station: Station
  readonly #factor: number
  readonly #began: number
  /** When the calendar begins; the boxes were built before. */
  #born = 0
  readonly #random: SimRandom
  readonly #told = new Told()
  readonly #faults: string[] = []
  readonly #boxes: Box[] = []
  readonly #clients: MqttClient[] = []
  readonly #samples: Sample[] = []
  #linkTurn: Promise<void> = Promise.resolve()
  #relayTurn: Promise<void> = Promise.resolve()
  #brokerTurn: Promise<void> = Promise.resolve()
  #over = false
  #steps = 0

  private constructor(options: SoakOptions, link: Link, station: Station) {
    this.#options = options
    this.#link = link
    this.#station = station
    this.#factor = (options.hours * 3600) / options.seconds
    this.#began = Number(process.hrtime.bigint() / 1_000_000n)
    this.#random = new SimRandom(options.seed)
  }

  static async open(options: SoakOptions): Promise<World> {
    const link = new Link()
    try {
      const world = new World(options, link, await Station.open(link))
      try {
        for (const name of ['alone', 'harried']) await world.#build(name)
        return world
      } catch (error) {
        await world.close()
        throw error
      }
    } catch (error) {
      link.remove()
      throw error
    }
  }

  async live(): Promise<Verdict> {
    const { seconds, hours } = this.#options
    const events = calendar(hours, this.#random)
    this.#born = performance.now()
    const end = this.#born + seconds * 1000
    const saying = Promise.all(this.#boxes.map((box) => this.#say(box)))
    const looking = this.#look()
    const befalling = Promise.all(events.map((event) => this.#befall(event)))
    const broken = Promise.race([saying, looking, befalling].map((work) => work.then(() => new Promise<never>(() => {}))))
    await Promise.race([broken, this.#pace(end).then(() => befalling)])
    this.#over = true
    for (const { voices } of this.#boxes) for (const voice of Object.values(voices)) voice.over = true
    const passedOn = await saying
    await looking
    await this.#settle(passedOn)
    return {
      samples: this.#samples,
      trends: trends(this.#samples),
      events,
      said: this.#said(),
      mails: this.#told.mails,
      digests: this.#told.digests,
      again: this.#told.again,
      visits: this.#boxes.reduce((sum, { visitor }) => sum + visitor.visits, 0),
      readings: this.#readings(),
      faults: this.#faults,
    }
  }

  #readings(): Verdict['readings'] {
    const visitors = this.#boxes.map(({ visitor }) => visitor)
    const sum = (of: 'mails' | 'aged') => visitors.reduce((total, visitor) => total + visitor[of], 0)
    return { mails: sum('mails'), aged: sum('aged'), slowestMs: Math.max(...visitors.map(({ slowestMs }) => slowestMs)) }
  }

  /** Until `end`; tells each day. Fails when a box has ended by itself. */
  async #pace(end: number): Promise<void> {
    for (let day = 1; performance.now() < end; ) {
      await sleep(Math.min(1000, Math.max(0, end - performance.now())))
      for (const { outpost } of this.#boxes) outpost.alive()
      if (this.#hour() < day * 24) continue
      this.#options.report(this.#line(`day ${day++}`))
    }
  }

  async close(): Promise<void> {
    this.#over = true
    for (const { voices } of this.#boxes) for (const voice of Object.values(voices)) voice.over = true
    this.#link.heal()
    for (const client of this.#clients) await client.endAsync(true).catch(() => {})
    for (const { outpost, pair, plc } of this.#boxes) {
      plc.pull()
      await outpost.stop()
      await stop(pair)
    }
    await this.#station.close()
    this.#link.remove()
  }

  async #build(name: string): Promise<void> {
    const { dir } = this.#station
    const site = `${name}.example.net`
    const line = `${dir}/${name}`
    const [web, pop3, smtp] = [await freePort(), await freePort(), await freePort()]
    const data = `${dir}/data-${name}`
    const place: Place = { inside: (_, words) => [process.execPath, [...leanFlags, boxProgram, ...words]] }
    const outpost = new Outpost(
      data,
      this.#settings({ name, line, web, pop3, smtp }),
      { ...stationSecrets, 'mailbox:operator': 'pop-secret' },
      place,
    )
    const pair = await ptyPair(`${line}-box`, `${line}-plc`)
    const { pauseMs } = this.#options
    const voice = (mean: number) => new Voice(this.#random.fork(), mean)
    const box: Box = {
      name,
      site,
      outpost,
      line,
      smtpPort: smtp,
      pair,
      plc: new Plc(`${line}-plc`),
      voices: { mqtt: voice(pauseMs), line: voice(3 * pauseMs), camera: voice(40 * pauseMs) },
      visitor: new Visitor(web, pop3),
      turn: Promise.resolve(),
    }
    this.#boxes.push(box)
    this.#begin(box)
    await this.#ready(box)
    await until(`${name} hears its sources`, patienceMs, () => outpost.log.includes('serial: up') && outpost.log.includes('mqtt: up'))
    await box.visitor.claim(outpost.said)
  }

  #settings(at: { name: string; line: string; web: number; pop3: number; smtp: number }): object {
    const { name, line, web, pop3, smtp } = at
    const base = this.#station.settings([
      { id: 'plc', kind: 'serial', path: `${line}-box`, acknowledge: 'line' },
      { id: 'lan', kind: 'smtp', as: 'letter', listen: `127.0.0.1:${smtp}` },
    ])
    return {
      ...base,
      site: { name, domain: `${name}.example.net` },
      sources: base.sources.map((source) => ('url' in source ? { ...source, topics: [`${name}/#`] } : source)),
      web: { listen: `127.0.0.1:${web}` },
      people: [...base.people, { id: 'local', address: `operator@${name}.example.net` }],
      rules: [
        { id: 'door', when: { key: 'door' }, to: ['ops', 'local'] },
        { id: 'all', to: ['ops'] },
      ],
      mailbox: {
        users: [{ name: 'operator', password: { secret: 'mailbox:operator' } }],
        pop3: { enabled: true, listen: `127.0.0.1:${pop3}` },
        keep: '1d',
      },
      reports: { weekly: 'Mon 08:00' },
    }
  }

  #begin({ outpost }: Box): void {
    const env = { OUTPOST_SOAK_FACTOR: String(this.#factor), OUTPOST_SOAK_BEGAN: String(this.#began), OUTPOST_SOAK_STEP: this.#stepFile }
    outpost.log = ''
    outpost.begin({ ...leanEnv, ...env })
  }

  get #stepFile(): string {
    return `${this.#station.dir}/step`
  }

  #ready({ name, outpost }: Box): Promise<void> {
    return until(`${name} is ready`, patienceMs, () => outpost.alive() && outpost.log.includes('gateway: ready'))
  }

  /** Of the calendar, since it began. */
  #hour(): number {
    return ((performance.now() - this.#born) * this.#factor) / hourMs
  }

  /** In hours of the calendar. */
  #pass(hours: number): Promise<void> {
    return sleep(Math.max(0, hours * hourMs) / this.#factor)
  }

  #said(): number {
    return this.#boxes.reduce((sum, { voices }) => sum + voices.mqtt.said + voices.line.said + voices.camera.said, 0)
  }

  /** Until told to stop; the Message-IDs of the camera's mails. */
  async #say(box: Box): Promise<string[]> {
    const { name, voices } = box
    const client = await publisher(this.#station.mosquitto, this.#station.ca, `field-of-${name}`)
    this.#clients.push(client)
    const [, , mails] = await Promise.all([
      publish(client, `${name}/site`, voices.mqtt, `${name}-m`),
      box.plc.say(voices.line, `${name}-s`),
      camera(box.smtpPort, voices.camera, `${name}-c`, cameraOctets),
    ])
    return mails
  }

  /** Empties the mailbox, weighs the box that is left alone, and visits both every six hours of the calendar, of a short one oftener. */
  async #look(): Promise<void> {
    const sites = this.#boxes.map(({ site }) => site)
    const everyMs = Math.max(250, (this.#options.seconds * 1000) / 480)
    let visited = 0
    while (!this.#over) {
      await sleep(everyMs)
      await emptyInbox(this.#station.mail.inbox, sites, this.#told)
      const [alone] = this.#boxes
      if (alone) this.#samples.push(weigh(alone.outpost.pid, alone.outpost.data, this.#hour()))
      if (this.#hour() < visited * Math.min(6, this.#options.hours / 6)) continue
      visited++
      for (const box of this.#boxes) await this.#visit(box)
    }
  }

  /** A box that is off at the moment, or goes off meanwhile, shows no page. */
  async #visit({ name, visitor }: Box): Promise<void> {
    try {
      await visitor.look()
    } catch (error) {
      if (name === 'alone') this.#faults.push(`${name}, page: ${error}`)
    }
  }

  async #befall({ atHour, hours, blow }: Event): Promise<void> {
    await this.#pass(atHour - this.#hour())
    const [alone, harried] = this.#boxes
    assert.ok(alone && harried)
    await this.#blows[blow](hours, alone, harried)
  }

  readonly #blows: Record<Blow, (hours: number, alone: Box, harried: Box) => Promise<void>> = {
    'link near': (hours) => this.#cut('near', hours),
    'link far': (hours) => this.#cut('far', hours),
    relay: (hours) => {
      this.#relayTurn = this.#relayTurn.then(async () => {
        this.#station.mail.stopPostfix()
        await this.#pass(hours)
        await this.#station.mail.startPostfix()
      })
      return this.#relayTurn
    },
    broker: (hours) => {
      this.#brokerTurn = this.#brokerTurn.then(async () => {
        await this.#station.mosquitto.stop()
        await this.#pass(hours)
        await this.#station.mosquitto.start()
      })
      return this.#brokerTurn
    },
    cable: async (hours, ...boxes) => {
      await Promise.all(boxes.map((box) => this.#unplug(box, hours)))
    },
    settings: async (_, ...boxes) => {
      for (const box of boxes) await this.#inTurn(box, async () => this.#change(box))
    },
    clock: async () => writeFileSync(this.#stepFile, String(stepMs[this.#steps++ % stepMs.length])),
    kill: (hours, _, harried) => this.#inTurn(harried, () => this.#off(harried, hours, () => harried.outpost.kill())),
    stop: (hours, _, harried) => this.#inTurn(harried, () => this.#off(harried, hours, () => harried.outpost.stop())),
  }

  #inTurn(box: Box, deed: () => Promise<void>): Promise<void> {
    box.turn = box.turn.then(deed)
    return box.turn
  }

  #cut(end: 'near' | 'far', hours: number): Promise<void> {
    this.#linkTurn = this.#linkTurn.then(async () => {
      this.#link.cut(end)
      await this.#pass(hours)
      this.#link.heal()
    })
    return this.#linkTurn
  }

  #unplug(box: Box, hours: number): Promise<void> {
    return this.#inTurn(box, async () => {
      box.plc.pull()
      await stop(box.pair)
      for (const end of ['box', 'plc']) rmSync(`${box.line}-${end}`, { force: true })
      await this.#pass(hours)
      box.pair = await ptyPair(`${box.line}-box`, `${box.line}-plc`)
    })
  }

  /** As the page does it: another plot, and the gateway is another one in the same process. */
  async #change({ outpost }: Box): Promise<void> {
    const { mail, ...settings } = outpost.stored() as { mail: { plot?: string } }
    outpost.settings({ ...settings, mail: { ...mail, plot: mail.plot === 'text' ? 'none' : 'text' } })
    if (outpost.runs) process.kill(outpost.pid, 'SIGHUP')
  }

  async #off(box: Box, hours: number, end: () => Promise<unknown>): Promise<void> {
    await end()
    await this.#pass(hours)
    this.#begin(box)
    await this.#ready(box)
  }

  /** Everything is well again: what was said must arrive, and then the books must balance. */
  async #settle(passedOn: readonly string[][]): Promise<void> {
    const sites = this.#boxes.map(({ site }) => site)
    const told = this.#told
    const expected = this.#boxes.flatMap(({ site, voices }) => [
      { site, source: 'field', count: voices.mqtt.said },
      { site, source: 'plc', count: voices.line.said },
    ])
    const mails = passedOn.flat()
    const all = async () => {
      await emptyInbox(this.#station.mail.inbox, sites, told)
      return expected.every(({ site, source, count }) => told.count(site, source) >= count) && mails.every((one) => told.passedOn(one) > 0)
    }
    await until('all have arrived', arrivalMs, all).catch((error) => this.#faults.push(String(error)))
    for (const { site, source, count } of expected) {
      const gone = told.missing(site, source, count)
      if (gone.length > 0) this.#faults.push(`${site} ${source}: ${gone.length} of ${count} were not told: ${gone.slice(0, 20).join(' ')}`)
      const more = told.last(site, source) - count
      if (more > 0) this.#faults.push(`${site} ${source}: ${more} more were told than said`)
    }
    for (const one of mails) if (told.passedOn(one) === 0) this.#faults.push(`${one} was not passed on`)
    this.#faults.push(...told.twice.map((one) => `told twice: ${one}`), ...told.unlike.map((one) => `came again with other octets: ${one}`))
  }

  #line(what: string): string {
    const last = this.#samples.at(-1)
    const MiB = (octets: number) => (octets / 1_048_576).toFixed(1)
    const weight = last
      ? `RSS ${MiB(last.rss)} MiB, ${last.descriptors} descriptors, journal ${MiB(last.journal)} MiB, all data ${MiB(last.data)} MiB`
      : ''
    const { mails, aged, slowestMs } = this.#readings()
    const visits = `, ${mails} mails read by POP3, ${aged} too old meanwhile, ${(slowestMs / 1000).toFixed(1)} s at most`
    return `${what}: ${this.#said()} said, ${this.#told.mails} mails, ${this.#told.digests} digests, ${this.#told.again} again; ${weight}; ${this.#faults.length} faults${visits}`
  }
}
