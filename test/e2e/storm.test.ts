import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { after, before, test } from 'node:test'
import { Link, noLinks } from '../peers/link.ts'
import { Outpost } from '../peers/outpost.ts'
import { sleep, stop, until } from '../peers/process.ts'
import { ptyPair } from '../peers/pty.ts'
import { type SerialSensor, serialSensor } from '../peers/sensor.ts'
import { Station, stationSecrets } from '../peers/station.ts'
import { SimRandom } from '../sim/world/random.ts'

/**
 * The storm: alerts keep coming in by line and by MQTT while gateway, broker and relay are killed with -9 and the link to the relay is cut.
 * The full one is OUTPOST_STORM_ALERTS=500 OUTPOST_STORM_KILLS=20; OUTPOST_STORM_SEED repeats the moments, as far as processes let it.
 */
const alerts = Number(process.env.OUTPOST_STORM_ALERTS ?? 60)
const kills = Number(process.env.OUTPOST_STORM_KILLS ?? 3)
const seed = Number(process.env.OUTPOST_STORM_SEED ?? Date.now() % 1e9)
const skip = Station.missing()
const linkless = skip || noLinks()
const blows = ['gateway', 'broker', 'relay', ...(linkless ? [] : (['link'] as const))] as const

const pauseMs = 1500
const deadMs = 500
const cutMs = 5000
/** What mosquitto confirmed and had not saved when it was killed is forgotten: its publisher says again what it said within this time. */
const repeatMs = 10_000
const arrivalMs = 300_000

let link: Link | undefined
let station: Station
let outpost: Outpost
let pair: ChildProcess | undefined
let sensor: SerialSensor | undefined

before(async () => {
  if (skip) return
  if (!linkless) link = new Link()
  station = await Station.open(link)
  pair = await ptyPair(`${station.dir}/tty-box`, `${station.dir}/tty-plc`)
  const settings = station.settings([{ id: 'plc', kind: 'serial', path: `${station.dir}/tty-box`, acknowledge: 'line' }])
  const relays = settings.relays.map((relay) => ({ ...relay, timeout: '3s' }))
  // Each alert is to be found as a letter of its own, however long the link was away.
  const delivery = { retry: ['1s', '2s'], digest: { from: 1_000_000 } }
  outpost = new Outpost(`${station.dir}/data`, { ...settings, relays, delivery }, stationSecrets)
  outpost.begin()
  await until('the gateway listens', 20_000, () => outpost.log.includes('serial: up') && outpost.log.includes('mqtt: up'))
})

after(async () => {
  if (skip) return
  link?.heal()
  sensor?.close()
  await outpost?.stop()
  await stop(pair)
  await station?.close()
  link?.remove()
})

/** What is to be said: each blow lets some more of it go, so that alerts are on their way under every one of them. */
class Storm {
  released = 0
  over = false
  brokerKills = 0
  /** Something of the test itself failed: nobody goes on. */
  #broken = false
  readonly random = new SimRandom(seed)
  readonly #confirmed: { payload: string; at: number }[] = []
  readonly #again: string[] = []

  async publish(): Promise<void> {
    const random = this.random.fork()
    for (let i = 1; !this.#broken; ) {
      const repeat = this.#again.shift()
      if (repeat !== undefined) await this.#confirm(repeat, 1)
      else if (i <= this.released) {
        await this.#confirm(`{"id":"m-${i}","key":"m","text":"storm m${i}."}`, i % 2 ? 1 : 2)
        i++
        await sleep(random.below(60))
      } else if (this.over) return
      else await sleep(20)
    }
  }

  /** A confirmation from before a kill may be read after it, so it counts only when no kill came between. */
  async #confirm(payload: string, qos: 1 | 2): Promise<void> {
    for (let before = -1; before !== this.brokerKills && !this.#broken; ) {
      before = this.brokerKills
      while (!this.#broken && !(await station.mosquitto.publishSoon('alerts/storm', payload, qos))) await sleep(100)
    }
    this.#confirmed.push({ payload, at: performance.now() })
  }

  async write(to: SerialSensor): Promise<void> {
    const random = this.random.fork()
    for (let i = 1; i <= alerts && !this.#broken; i++) {
      while (i > this.released && !this.#broken) await sleep(20)
      await to.send(`{"id":"s-${i}","key":"s","text":"storm s${i}."}`)
      await sleep(random.below(60))
    }
  }

  async gateway(): Promise<void> {
    await outpost.kill()
    await sleep(this.random.below(deadMs))
    outpost.begin()
  }

  async broker(): Promise<void> {
    await station.mosquitto.kill()
    this.brokerKills++
    const killed = performance.now()
    await sleep(this.random.below(deadMs))
    await station.mosquitto.start()
    this.#again.push(...this.#confirmed.filter((one) => one.at > killed - repeatMs).map((one) => one.payload))
  }

  async relay(): Promise<void> {
    await station.mail.killPostfix()
    await sleep(this.random.below(deadMs))
    await station.mail.startPostfix()
  }

  /** Cuts now and heals after a while, under whatever comes next. */
  link(): Promise<void> {
    link?.cut(this.random.once(2) ? 'near' : 'far')
    return sleep(this.random.below(cutMs)).then(() => link?.heal())
  }

  async rage(): Promise<void> {
    try {
      await this.#rage()
    } catch (error) {
      this.#broken = true
      throw error
    } finally {
      this.over = true
    }
  }

  async #rage(): Promise<void> {
    let healed = Promise.resolve()
    for (let i = 0; i < kills; i++) {
      const order = [...blows].sort(() => this.random.unit() - 0.5)
      for (const [index, blow] of order.entries()) {
        this.released = Math.ceil((alerts * (i * blows.length + index + 1)) / (kills * blows.length))
        await sleep(this.random.below(pauseMs))
        outpost.alive()
        if (blow === 'link') {
          await healed
          healed = this.link()
        } else await this[blow]()
      }
    }
    await healed
  }
}

type Told = { name: string; messageId: string; octets: string; source: string; number: number }

/** Every letter of the storm as it lies in the mailbox; `octets` are those that left the box. */
async function told(): Promise<Told[]> {
  const header = (whole: string, name: string) => new RegExp(`^${name}: (.*?)\r?$`, 'm').exec(whole)?.[1] ?? ''
  return (await station.letters()).flatMap((whole) => {
    const name = /storm ([ms]\d+)\./.exec(whole)?.[1]
    if (!name) return []
    const octets = whole.slice(whole.indexOf('Received: by ps7.example.net'))
    const [source, number] = [header(whole, 'X-Outpost-Source'), Number(header(whole, 'X-Outpost-Number'))]
    return [{ name, messageId: header(whole, 'Message-ID').slice(1, -1), octets, source, number }]
  })
}

const wanted = ['m', 's'].flatMap((letter) => Array.from({ length: alerts }, (_, i) => `${letter}${i + 1}`))
const missed = (all: Told[]): string[] => {
  const names = new Set(all.map((one) => one.name))
  return wanted.filter((name) => !names.has(name))
}

const title = `${alerts} alerts by line and ${alerts} by MQTT, under ${kills} kills each of gateway, broker and relay`
const cuts = linkless ? ` (no link is cut: ${linkless})` : ` and ${kills} cuts of the link`

test(`${title}${cuts}: none is lost, twins are twins, and the order of a source is kept`, {
  skip,
  timeout: 60_000 + kills * 20_000 + arrivalMs,
}, async (t) => {
  t.diagnostic(`seed ${seed}`)
  const storm = new Storm()
  sensor = serialSensor(`${station.dir}/tty-plc`)
  await Promise.all([storm.rage(), storm.publish(), storm.write(sensor)])
  let all: Told[] = []
  let seen = -1
  await until('all have arrived', arrivalMs, async () => {
    outpost.alive()
    const count = await station.mail.count()
    if (count === seen || count < wanted.length) return false
    seen = count
    all = await told()
    return missed(all).length === 0
  }).catch(async () => {
    all = await told()
  })
  outpost.alive()
  const lost = missed(all)
  assert.deepEqual(lost, [], lost.length > 0 ? `lost; the log ends with ${outpost.log.slice(-2000)}` : '')

  const octets = Map.groupBy(all, (one) => one.name)
  t.diagnostic(`${all.length} mails for ${octets.size} alerts: 0 lost, ${all.length - octets.size} duplicates`)
  for (const [name, twins] of octets) {
    assert.equal(new Set(twins.map((one) => one.messageId)).size, 1, `the duplicates of ${name} bear one Message-ID`)
    assert.equal(new Set(twins.map((one) => one.octets)).size, 1, `the duplicates of ${name} are the same octets`)
  }

  const letters = new Map(all.map((one) => [one.messageId, one]))
  const came = station.mail.accepted().flatMap((messageId) => letters.get(messageId) ?? [])
  t.diagnostic(`${came.length} of ${letters.size} are in the log of Postfix; a kill takes the newest lines of it`)
  assert.ok(came.length > letters.size * 0.9)
  for (const source of ['plc', 'field']) {
    const numbers = came.filter((one) => one.source === source).map((one) => one.number)
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
      `order of ${source}`,
    )
    const known = new Set(all.filter((one) => one.source === source).map((one) => one.number))
    assert.equal(Math.max(...known), known.size, `the numbers of ${source} have no gap`)
  }
  const lines = all.filter((one) => one.source === 'plc').sort((a, b) => a.number - b.number)
  assert.deepEqual([...new Set(lines.map((one) => one.name))], wanted.slice(alerts), 'lines are numbered as they were said')
})
