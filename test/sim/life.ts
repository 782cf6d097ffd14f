import { planOf } from '../../src/gateway/plan.ts'
import { Gateway } from '../../src/gateway.ts'
import type { Ports } from '../../src/ports/ports.ts'
import { checkSettings } from '../../src/settings/check.ts'
import { effective } from '../../src/settings/schema.ts'
import { SimBroker } from './world/broker.ts'
import { epoch, SimClock } from './world/clock.ts'
import { SimDisk } from './world/disk.ts'
import { SimLink } from './world/link.ts'
import { SimNames } from './world/names.ts'
import { SimNet } from './world/net.ts'
import { noMailIn } from './world/no-mail-in.ts'
import { SimRandom } from './world/random.ts'
import { kind, SimRelay } from './world/relay.ts'
import { SimSerial } from './world/sensors.ts'
import { Timeline } from './world/timeline.ts'

/**
 * Life: days of one device from a seed. Sensors speak, the power goes at any instant, the link, the broker and the adapter come and go, the
 * relay says 4yz, 5yz, nothing, or dies after the dot, the clock wakes in the past. At the end everything is well for a while, and then
 * the promises are looked at (docs/promises.md).
 */
export type Verdict = { seed: number; faults: string[]; trace: string[]; alerts: number; letters: number; cuts: number }

const settings = {
  site: { domain: 'site.example.org' },
  broker: { enabled: false },
  sources: [
    { id: 'plc', kind: 'serial', path: '/dev/ttyS0', acknowledge: 'line' },
    { id: 'field', kind: 'mqtt', url: 'mqtt://broker:1883', qos: 2 },
  ],
  people: [
    { id: 'ops', name: 'Ops', address: 'ops@example.org' },
    { id: 'site', name: 'Site', address: 'operator@site.example.org' },
  ],
  rules: [
    { id: 'both', when: { key: 'b*' }, to: ['ops', 'site'] },
    { id: 'all', to: ['ops'] },
  ],
  relays: [{ id: 'isp', host: 'relay', security: 'none', port: 25, timeout: '1m' }],
}

/** The same device with rules that hold, group, limit, remind and escalate. */
const ruled = {
  people: [...settings.people, { id: 'night', name: 'Night', address: 'night@example.org' }],
  rules: [
    { id: 'level', when: { field: 'value > 80' }, clearBelow: 60, to: ['ops'], repeat: ['1h', '4h'] },
    { id: 'held', when: { key: 'a1' }, hold: '10m', to: ['ops'], escalate: { after: '2h', to: ['night'] } },
    { id: 'both', when: { key: 'b*' }, to: ['ops', 'site'], limit: '2/3h', chatter: '3/2h' },
    { id: 'rest', to: ['ops'], group: { by: ['key'], wait: '2m', interval: '10m' }, inhibitedBy: ['level'] },
  ],
}

const hourMs = 3_600_000
/** Few enough that a thrifty box has to let warnings wait for another day. */
const lettersADay = 15
/** How long things go wrong. */
const dayHours = 24
const segmentBytes = 64 * 1024
const builtAt = Date.UTC(2026, 10, 1)

class Device {
  readonly timeline = new Timeline()
  readonly random: SimRandom
  readonly relay: SimRelay
  readonly serial: SimSerial
  readonly broker: SimBroker
  readonly link: SimLink
  readonly trace: string[] = []
  disk = new SimDisk()
  clock: SimClock
  net: SimNet
  gateway: Gateway | undefined
  cuts = 0
  readonly faults: string[] = []
  /** It has a budget of letters a day. */
  readonly thrifty: boolean
  /** Spans in which the box could see that its link was away, and every connection that it tried. */
  readonly away: { from: number; to: number }[] = []
  readonly nets: SimNet[] = []
  /** When it happened that a broker was told of this alert, in ms of the timeline. */
  readonly published = new Map<string, number>()
  #boots = 0

  readonly hasRules: boolean

  constructor(seed: number, hasRules: boolean) {
    this.hasRules = hasRules
    this.random = new SimRandom(seed)
    this.thrifty = this.random.once(3)
    this.relay = new SimRelay(this.timeline, this.random.fork())
    this.serial = new SimSerial(this.timeline, this.random.fork())
    this.broker = new SimBroker(this.timeline)
    this.link = new SimLink(this.timeline, this.random.fork())
    this.link.change('eth0', { up: true, address: '198.51.100.2', defaultRoute: true })
    this.clock = new SimClock(this.timeline, 'boot-0')
    this.net = new SimNet(this.timeline, this.relay)
  }

  /** `seen`: the interface loses its carrier; else only the net behind it is gone. */
  linkAway(seen: boolean): void {
    this.note(seen ? 'link away' : 'net away')
    this.net.up = false
    this.net.cut()
    if (!seen || this.away.at(-1)?.to === Number.POSITIVE_INFINITY) return
    this.away.push({ from: this.timeline.now, to: Number.POSITIVE_INFINITY })
    this.link.change('eth0', { up: false })
  }

  linkBack(): void {
    this.net.up = true
    const last = this.away.at(-1)
    if (last) last.to = Math.min(last.to, this.timeline.now)
    this.link.change('eth0', { up: true })
  }

  /** The kernel remounts the card after a fault, or somebody has mended it; a new start finds it as it is. */
  set cardReadOnly(readOnly: boolean) {
    this.note(readOnly ? 'card read-only' : 'card mended')
    this.disk.faults.readOnly = readOnly
  }

  note(words: string): void {
    this.trace.push(`${this.timeline.now} ${words}`)
  }

  boot(): void {
    const boots = ++this.#boots
    this.clock = new SimClock(this.timeline, `boot-${boots}`)
    if (this.random.once(3)) {
      // A board without a battery wakes in the past, until somebody sets its clock.
      this.clock.wrongBy = -this.random.below(40 * 365 * 24) * hourMs
      this.clock.set = 'no'
      const clock = this.clock
      this.timeline.at(this.random.below(6 * hourMs), () => {
        clock.wrongBy = 0
        clock.set = 'yes'
      })
    }
    const up = this.net.up
    this.net = new SimNet(this.timeline, this.relay)
    this.nets.push(this.net)
    this.net.up = up
    const delays = this.random.fork()
    this.disk.delay = () => new Promise((resolve) => void this.timeline.at(1 + delays.below(20), resolve))
    const clock = this.clock
    const ports: Ports = {
      clock,
      disk: this.disk,
      net: this.net,
      names: () => new SimNames({}, this.timeline),
      link: this.link,
      serial: this.serial,
      broker: this.broker,
      mailIn: noMailIn,
      random: this.random.fork(),
      log: (level, event, facts) => !clock.dead && this.trace.push(`${this.timeline.now} ${level} ${event} ${JSON.stringify(facts)}`),
    }
    const delivery = { keep: '60d', ...(this.thrifty ? { perDay: { letters: lettersADay } } : {}) }
    // A life is judged at its end: no notice may have grown too old by then.
    const mailbox = { keep: '900d' }
    const { settings: checked } = checkSettings(JSON.stringify({ ...settings, ...(this.hasRules ? ruled : {}), delivery, mailbox }))
    if (!checked) throw new Error('the settings of the simulation are not valid')
    const plan = planOf({
      settings: effective(checked),
      secret: () => undefined,
      refreshToken: () => ({ read: async () => undefined, keep: async () => {} }),
      pem: new Map(),
      device: { id: '00000000000000aa' },
      dir: 'data',
      software: 'Outpost sim',
      builtAt,
      segmentBytes,
    })
    Gateway.start(ports, plan).then(
      (gateway) => {
        if (!clock.dead) this.gateway = gateway
      },
      (error) => this.faults.push(`the gateway did not start: ${error?.stack}`),
    )
  }

  powerCut(): void {
    this.cuts++
    this.note('power cut')
    this.clock.dead = true
    this.net.dead = true
    this.net.cut()
    this.broker.vanish()
    this.link.vanish()
    this.serial.vanish()
    this.gateway = undefined
    const { readOnly = false } = this.disk.faults
    this.disk = this.disk.powerCut(this.random)
    this.disk.faults.readOnly = readOnly
    this.timeline.at(1000 + this.random.below(hourMs), () => this.boot())
  }
}

/** One life of so many bad days and the good ones after them, with rules or without. The same seed gives the same trace. */
export async function live(seed: number, hasRules = false, days = 1): Promise<Verdict> {
  const device = new Device(seed, hasRules)
  const badHours = days * dayHours
  const { timeline, relay, serial, broker } = device
  device.boot()
  const alerts = schedule(device, days)
  // With rules it is numbers that are judged, and one that was refused while the next was taken is given to nobody (src/queue/memory.ts).
  if (!hasRules) remount(device, new SimRandom(seed ^ 0x0e40f5), badHours)
  await timeline.run(badHours * hourMs)
  // Good days: everything works, and what waits must leave.
  relay.faults = { ...kind }
  device.linkBack()
  broker.up = true
  serial.plugged = true
  const settled = () =>
    serial.unacknowledged === 0 &&
    broker.unacknowledged === 0 &&
    device.gateway !== undefined &&
    device.gateway.desk.state().queue.waiting === 0
  await timeline.run(timeline.now + (hasRules ? 50 : device.thrifty ? 8 : 1) * 24 * hourMs, settled)
  // With rules, a reminder may come at any time; that everything was done once is enough.
  const done = settled()
  await timeline.run(timeline.now + 10_000)
  judge(device, alerts, hasRules ? done : settled())
  return { seed, faults: device.faults, trace: device.trace, alerts, letters: relay.taken.length, cuts: device.cuts }
}

/** What happens in the bad days, drawn beforehand from the seed. */
function schedule(device: Device, days: number): number {
  const { timeline, random, relay, serial, broker } = device
  const badHours = days * dayHours
  const alerts = days * (20 + random.below(60))
  for (let i = 1; i <= alerts; i++) {
    const onSerial = random.once(2)
    const key = random.once(3) ? 'b1' : 'a1'
    const severity = random.once(3) ? 'critical' : 'warning'
    const state = random.once(2) ? 'event' : random.once(2) ? 'raised' : 'cleared'
    const value = device.hasRules && random.once(3) ? { value: 50 + random.below(50) } : {}
    const payload = JSON.stringify({ id: `n${i}`, key, severity, state, text: `alert n${i}.`, ...value })
    timeline.at(random.below((badHours - 2) * hourMs), () => {
      if (onSerial) return serial.send(payload)
      device.published.set(`n${i}`, timeline.now)
      broker.publish('alerts/x', payload, random.once(2) ? 1 : 2)
    })
  }
  const sometimes = (count: number, deed: () => void) => {
    for (let i = 0; i < count * days; i++) timeline.at(random.below((badHours - 1) * hourMs), deed)
  }
  sometimes(random.below(6), () => device.gateway && device.powerCut())
  const linkAway = () => {
    device.linkAway(random.once(2))
    timeline.at(random.below(6 * hourMs), () => device.linkBack())
  }
  sometimes(random.below(8), linkAway)
  // The worst moment for the power to go: the relay has a letter, and its answer is on the way.
  relay.onTaken = () => {
    if (timeline.now > (badHours - 1) * hourMs || !random.once(20)) return
    timeline.at(random.below(60), () => {
      if (device.gateway) device.powerCut()
      linkAway()
    })
  }
  sometimes(random.below(6), () => device.net.cut())
  sometimes(random.below(6), () => broker.drop())
  sometimes(random.below(3), () => {
    broker.up = false
    broker.drop()
    timeline.at(random.below(2 * hourMs), () => {
      broker.up = true
    })
  })
  sometimes(random.below(3), () => {
    serial.unplug()
    timeline.at(random.below(hourMs), () => {
      serial.plugged = true
    })
  })
  sometimes(random.below(3), () => {
    if (random.once(2)) device.disk.faults.failSync = 1 + random.below(5)
    else device.disk.faults.failWrite = 1 + random.below(5)
  })
  if (random.once(2)) device.disk.faults.short = random.fork()
  const seldom = () => (random.once(2) ? 0 : 5 + random.below(60))
  relay.faults = {
    greeting: seldom(),
    silent: seldom() * 3,
    hangUp: seldom() * 2,
    later: seldom(),
    never: seldom() * 2,
    diesAfterDot: seldom(),
    pipelining: !random.once(4),
    chunking: random.once(2) ? true : random.once(4) ? 'lies' : false,
  }
  return alerts
}

/** One box in four has a card that takes nothing for up to four hours. It draws lots of its own: the other lives of old seeds stay what they were. */
function remount(device: Device, random: SimRandom, badHours: number): void {
  if (!random.once(4)) return
  const at = random.below((badHours - 5) * hourMs)
  device.timeline.at(at, () => {
    device.cardReadOnly = true
  })
  device.timeline.at(at + random.below(4 * hourMs), () => {
    device.cardReadOnly = false
  })
}

function judge(device: Device, alerts: number, settled: boolean): void {
  const { relay, serial, broker, faults } = device
  if (!settled)
    faults.push(
      `something waits for ever: serial ${serial.unacknowledged}, broker ${broker.unacknowledged}, queue ${device.gateway?.desk.state().queue.waiting}`,
    )
  const boxes = new Map<string, string>()
  for (const path of device.disk.paths())
    if (path.includes('/mailbox/'))
      boxes.set(
        path,
        Buffer.from(device.disk.durable(path) ?? [])
          .toString()
          .replaceAll('\n', '\r\n'),
      )
  if (device.hasRules) {
    judgeRuled(device, [...boxes.values()])
    return
  }
  const told = new Map<string, string[]>()
  for (const letter of relay.taken) {
    for (const [, id = '?'] of letter.content.replaceAll('=\r\n', '').matchAll(/alert (n\d+)\.(?! \(.* own\))/g))
      told.set(id, [...(told.get(id) ?? []), letter.messageId])
  }
  const mails = [...boxes.values()]
  for (const payload of [...serial.acknowledged, ...broker.acknowledged]) {
    const { id } = JSON.parse(payload) as { id: string }
    const word = `alert ${id}.`
    if (!told.has(id) && !mails.some((mail) => mail.replaceAll('=\r\n', '').includes(word)))
      faults.push(`${id} was acknowledged and never arrived`)
  }
  const free = unfrozen(device)
  for (const [id, messageIds] of told)
    if (new Set(messageIds).size > 1 && !messageIds.some((one) => free.has(one)))
      faults.push(`${id} arrived under ${new Set(messageIds).size} Message-IDs`)
  for (const violation of new Set(relay.violations)) faults.push(`protocol: ${violation}`)
  for (const letter of relay.taken)
    if (/^Date: .* (19\d\d|20[01]\d|202[0-5]) /m.test(letter.content))
      faults.push(`a letter claims a time long ago: ${/^Date: .*/m.exec(letter.content)?.[0]}`)
  for (const at of device.nets.flatMap((net) => net.tries))
    if (device.away.some(({ from, to }) => at > from && at < to)) faults.push(`a connection was tried at ${at}, when there was no way`)
  const refused = refusedOnce(device)
  sameOctets(relay, free, faults)
  order(relay, new Set([...refused, ...looseAndPutOff(device)]), faults)
  pairs(relay, refused, faults)
  digests(device, refused)
  honest(device)
  const acknowledged = serial.acknowledged.length + broker.acknowledged.length
  if (acknowledged < alerts) faults.push(`${alerts - acknowledged} of ${alerts} alerts were never acknowledged`)
}

/**
 * With rules, letters tell several alerts, and some again: every number of every source is told by one letter, reminders apart, or stands in a notice.
 */
function judgeRuled(device: Device, mails: readonly string[]): void {
  const { relay, faults } = device
  const told = new Map<string, Set<string>>()
  for (const { messageId, content } of relay.taken)
    for (const number of numbersIn(content)) told.set(number, (told.get(number) ?? new Set()).add(messageId))
  const kept = new Set(mails.flatMap((mail) => [...numbersIn(mail)]))
  for (const [source, newest] of Object.entries(device.gateway?.desk.state().numbers ?? {}))
    for (let number = 1; number <= newest; number++) {
      const name = `${source} #${number}`
      const letters = told.get(name)?.size ?? 0
      if (letters === 0 && !kept.has(name)) faults.push(`${name} is told nowhere`)
      if (letters > 1) faults.push(`${name} is told by ${letters} letters: ${[...(told.get(name) ?? [])].join(' ')}`)
    }
  for (const violation of new Set(relay.violations)) faults.push(`protocol: ${violation}`)
  honest(device)
  const refused = refusedOnce(device)
  sameOctets(relay, new Set(), faults)
  pairs(relay, refused, faults)
  digests(device, refused)
}

/** What a letter of an alert that came over MQTT says of its time is true, however long its broker had it. */
function honest({ relay, published, faults }: Device): void {
  for (const { messageId, content } of relay.taken) {
    const text = content.replaceAll('=\r\n', '').replaceAll('=C2=B1', '±')
    const id = /^alert (n\d+)\.\r$/m.exec(text)?.[1]
    const said = /^When: (.*)\r$/m.exec(text)?.[1]
    const truth = published.get(id ?? '')
    // A reminder says when it was made.
    if (said === undefined || truth === undefined || isReminder(text)) continue
    const { from, to } = spanOf(said)
    const at = epoch + truth
    if (!(at >= from - offMs && at <= to + offMs)) faults.push(`${messageId} says "${said}", and it was ${new Date(at).toISOString()}`)
  }
}

/** From the wire to the journal, and what a clock that counts whole seconds rounds away. */
const offMs = 3000

/** The moments that a row of a letter admits, in ms. */
function spanOf(said: string): { from: number; to: number } {
  const [first = Number.NaN, second = first] = [...said.matchAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g)].map(([time]) => Date.parse(`${time}Z`))
  const [, off = '0', unit] = / ±(\d+) (s|min)/.exec(said) ?? []
  const offBy = Number(off) * (unit === 'min' ? 60_000 : 1000)
  if (said.startsWith('unknown')) return { from: Number.isNaN(first) ? 0 : first, to: Number.POSITIVE_INFINITY }
  return { from: said.includes('or earlier') ? 0 : first - offBy, to: second + offBy }
}

const isReminder = (text: string): boolean => /^Subject: .*(?:Still active|Nobody acknowledged)/m.test(text)

/** The numbers that a letter tells, each as `plc #12`; none of a reminder, which tells again. */
function* numbersIn(content: string): Generator<string> {
  const text = content.replaceAll('=\r\n', '')
  if (isReminder(text)) return
  const source = /^X-Outpost-Source: (\S+)/m.exec(text)?.[1]
  const number = /^X-Outpost-Number: (\d+)/m.exec(text)?.[1]
  if (source !== undefined && number !== undefined) yield `${source} #${number}`
  for (const range of /also told here: (.*)/.exec(text)?.[1]?.match(rangePattern) ?? [])
    for (const one of numbersOf(range)) yield `${source} #${one}`
  // Those with a letter of their own are named here, and told there.
  const own = new Set([...text.matchAll(/\((\S+) #(\d+), has a letter of its own\)/g)].map(([, from, one]) => `${from} #${one}`))
  const ledger = /^Numbers told here: (.*)/m.exec(text.replace(/\r\n(?! )/g, '\n'))?.[1] ?? ''
  for (const part of ledger.split(', ')) {
    const from = part.split(' ')[0]
    for (const range of part.match(rangePattern) ?? [])
      for (const one of numbersOf(range)) if (!own.has(`${from} #${one}`)) yield `${from} #${one}`
  }
}

const rangePattern = /#\d+(?:-#\d+)?/g

function numbersOf(range: string): number[] {
  const [from = 0, to = from] = range.split('-').map((part) => Number(part.replace('#', '')))
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

/**
 * Letters that the relay refused at least once. When the power goes before that is noted they are tried again, and this relay, which draws lots,
 * may take them then, behind others.
 */
const refusedOnce = ({ trace, relay }: Device): Set<string> => new Set([...idsIn(trace, 'letter: refused'), ...relay.refused])

/** Letters without a key that were put off: nothing hangs on their order, so others do not wait for them (src/queue/waiting). */
const looseAndPutOff = ({ trace, relay }: Device): string[] => {
  const putOff = new Set([...idsIn(trace, 'letter: deferred'), ...idsIn(trace, 'a letter waits for the disk')])
  return relay.taken.flatMap(({ messageId, content }) => (putOff.has(messageId) && !/^X-Outpost-Key: /m.test(content) ? [messageId] : []))
}

/** Late letters that left though the disk took nothing: when the power goes then, their twin may differ, or be told in a digest (docs/promises.md). */
const unfrozen = ({ trace }: Device): Set<string> => new Set(idsIn(trace, 'a late letter leaves without being frozen'))

/** Message-IDs of the letters to which this happened, as the box says. */
const idsIn = (trace: readonly string[], what: string): string[] =>
  trace.flatMap((line) => {
    const id = new RegExp(`${what} \\{"id":(\\d+)`).exec(line)?.[1]
    return id === undefined ? [] : [messageIdOf(id)]
  })

const messageIdOf = (id: string): string => `<o${id}.00000000000000aa@site.example.org>`

/** A twin is the same letter to the last octet. */
function sameOctets(relay: SimRelay, free: ReadonlySet<string>, faults: string[]): void {
  const contents = new Map<string, string>()
  for (const { messageId, content } of relay.taken) {
    const known = contents.get(messageId)
    if (known !== undefined && known !== content && !relay.putOff.has(messageId) && !free.has(messageId))
      faults.push(`twins of ${messageId} differ`)
    contents.set(messageId, content)
  }
}

/**
 * Of one source, key and severity, first arrivals come by number. Only a letter that was put off with its content in the air, or is one of `free`, may be passed;
 * or one without a key by what follows in the flight in which an envelope was put off, though the power went before that was noted.
 */
function order(relay: SimRelay, free: ReadonlySet<string>, faults: string[]): void {
  const last = new Map<string, { number: number; at: number }>()
  const seen = new Set<string>()
  const inFlight = (at: number) => relay.putOffAt.some((putOff) => putOff <= at && at - putOff < flightMs)
  for (const { at, messageId, content } of relay.taken) {
    if (seen.has(messageId)) continue
    seen.add(messageId)
    const number = Number(field(content, 'Number'))
    const key = field(content, 'Key')
    const line = `${field(content, 'Source')} ${key} ${field(content, 'Severity')}`
    const before = last.get(line)
    if (before && number < before.number && !relay.putOff.has(messageId) && !free.has(messageId) && !(key === '' && inFlight(before.at)))
      faults.push(`${line} #${number} came after #${before.number}`)
    if (!before || number > before.number) last.set(line, { number, at })
  }
}

/** Longer than the letters of one flight take. */
const flightMs = 300_000

/** Which of the letters that the relay took was the first with this Message-ID for this address. */
function firstArrivals({ taken }: SimRelay): Map<string, number> {
  const first = new Map<string, number>()
  for (const [index, { messageId, to }] of taken.entries())
    for (const one of to) if (!first.has(`${messageId} ${one}`)) first.set(`${messageId} ${one}`, index)
  return first
}

/**
 * Nobody hears that something is over, or is still so, before hearing of it, unless the relay refused that letter, or the later one is worse and goes first.
 * Each recipient for himself: what one is to hear does not wait for what another one has not heard.
 */
function pairs(relay: SimRelay, refused: ReadonlySet<string>, faults: string[]): void {
  const first = firstArrivals(relay)
  const severity = (messageId: string) =>
    relay.taken.find((one) => one.messageId === messageId)?.content.match(/^X-Outpost-Severity: (.*)\r$/m)?.[1]
  for (const [index, { messageId, content, to }] of relay.taken.entries()) {
    const parent = /^In-Reply-To: (<.*>)\r$/m.exec(content)?.[1]
    if (parent === undefined || relay.refused.has(parent) || refused.has(parent) || severity(parent) !== severity(messageId)) continue
    for (const one of to)
      if ((first.get(`${parent} ${one}`) ?? -1) > index) faults.push(`${one} heard ${messageId} before ${parent}, which it belongs to`)
  }
}

/**
 * While a digest or a summary waits that says that something is active, nobody hears that it is over, unless the relay refused that letter, or what is over
 * weighs more and goes first. What was over before it was raised once more, as the same letter says, may be told at any time.
 */
function digests({ relay, serial, broker, faults, trace }: Device, refused: ReadonlySet<string>): void {
  const said = new Map([...serial.acknowledged, ...broker.acknowledged].map((one) => [JSON.parse(one).id, JSON.parse(one)]))
  const first = firstArrivals(relay)
  const made = madeAt(trace)
  const overs = relay.taken.flatMap(({ messageId, content }) => oversIn(messageId, content, (id) => said.get(id)))
  for (const [index, { messageId, content, to }] of relay.taken.entries())
    for (const { id, source, number } of refused.has(messageId) ? [] : toldIn(content, true)) {
      const { key, severity } = said.get(id) ?? {}
      const raises = toldIn(content).filter(
        (one) => one.source === source && said.get(one.id)?.key === key && said.get(one.id).state === 'raised',
      )
      // What a rule's level made of it, the sensor has not said.
      const newest = Math.max(number, ...raises.map((one) => one.number))
      const ends = overs.filter(
        (over) =>
          over.source === source &&
          over.key === key &&
          over.number > newest &&
          // A digest cannot wait for one that was made after it.
          !((made.get(over.messageId) ?? Number.POSITIVE_INFINITY) <= (made.get(messageId) ?? 0)) &&
          (over.severity !== 'critical' || severity === 'critical'),
      )
      for (const one of to.filter((one) => first.get(`${messageId} ${one}`) === index))
        for (const over of ends) {
          const heard = first.get(`${over.messageId} ${one}`) ?? index
          if (heard < index && (relay.taken[heard]?.at ?? 0) > (made.get(messageId) ?? Number.POSITIVE_INFINITY))
            faults.push(`${one} heard ${over.messageId} before ${messageId}, which says that ${id} is active`)
        }
    }
}

type Over = { messageId: string; source: string; key: string; number: number; severity: string }

/** What a letter says to be over, by itself or among others. */
function oversIn(messageId: string, content: string, said: (id: string) => { key?: string; state?: string } | undefined): Over[] {
  const severity = field(content, 'Severity')
  if (field(content, 'State') === 'cleared')
    return [{ messageId, source: field(content, 'Source'), key: field(content, 'Key'), number: Number(field(content, 'Number')), severity }]
  const rows = sectionOf('Came and went', content).matchAll(/alert (n\d+)\. \((\w+)(?: #\d+)? #(\d+)\)/g)
  return [...rows].flatMap(([, id = '', source = '', number]) => {
    const { key, state } = said(id) ?? {}
    return state === 'cleared' && key !== undefined ? [{ messageId, source, key, number: Number(number), severity }] : []
  })
}

/** When the digests and the summaries were made, by Message-ID. */
const madeAt = (trace: readonly string[]): Map<string, number> =>
  new Map(
    trace.flatMap((line) => {
      const [, at, id] = /^(\d+) info (?:backlog: merged into a digest|dispatcher: tell) \{"id":(\d+)/.exec(line) ?? []
      return id === undefined ? [] : [[messageIdOf(id), Number(at)] as const]
    }),
  )

/** What a digest tells, or says to be still active, without what has a letter of its own. */
function toldIn(content: string, active = false): { id: string; source: string; number: number }[] {
  const rows = active ? sectionOf('Still active', content) : content.replaceAll('=\r\n', '')
  return [...rows.matchAll(/alert (n\d+)\. \((\w+) #(\d+)\)/g)].map(([, id = '', source = '', number]) => ({
    id,
    source,
    number: Number(number),
  }))
}

/** Rows of a digest under this title. */
const sectionOf = (title: string, content: string): string =>
  new RegExp(`^${title} \\(\\d+\\)\\r\\n((?:.+\\r\\n)*)`, 'm').exec(content.replaceAll('=\r\n', ''))?.[1] ?? ''

/** One of our fields in the header of a letter; empty when it has none. */
const field = (content: string, name: string): string => new RegExp(`^X-Outpost-${name}: (.*?)\\r$`, 'm').exec(content)?.[1] ?? ''
