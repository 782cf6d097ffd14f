import assert from 'node:assert/strict'
import type { Scene } from '../../src/cli/command.ts'
import { Household } from '../../src/cli/household.ts'
import type { Caller } from '../../src/ports/http.ts'
import { LogBook } from '../../src/ports/log-book.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import { Assets } from '../../src/web/assets.ts'
import type { Route } from '../../src/web/route.ts'
import { routesOf } from '../../src/web/routes.ts'
import { type Answerer, webServer } from '../../src/web/server.ts'
import { Stream } from '../../src/web/stream.ts'
import { SimBroker } from '../sim/world/broker.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimLink } from '../sim/world/link.ts'
import { SimNames } from '../sim/world/names.ts'
import { SimNet } from '../sim/world/net.ts'
import { noMailIn } from '../sim/world/no-mail-in.ts'
import { SimRandom } from '../sim/world/random.ts'
import { SimRelay } from '../sim/world/relay.ts'
import { SimSerial } from '../sim/world/sensors.ts'
import { SimSys } from '../sim/world/sys.ts'
import { Timeline } from '../sim/world/timeline.ts'

export const password = 'correct horse battery'
const here = '192.0.2.7:8080'

/** A household whose world is simulated, asked as a browser or a machine would ask it; no socket is opened. */
export class WebBox {
  readonly timeline = new Timeline()
  readonly disk: SimDisk
  readonly clock: SimClock
  readonly book = new LogBook()
  readonly sys = new SimSys()
  /** What systemd was told, one call after the other. */
  readonly notified: (readonly string[])[] = []
  declare readonly scene: Scene
  declare readonly net: SimNet
  household: Household
  stream: Stream
  routes: readonly Route[] = []
  #answer: Answerer
  #cookie: string | undefined

  private constructor(disk: SimDisk, clock: SimClock, household: Household, assets: Assets) {
    this.disk = disk
    this.clock = clock
    this.household = household
    this.stream = new Stream(household)
    this.routes = routesOf(this.stream)
    this.#answer = webServer(household, this.routes, assets)
  }

  static async open(settings: object = {}, secrets: Record<string, string> = {}, disk = new SimDisk()): Promise<WebBox> {
    const timeline = new Timeline()
    const clock = new SimClock(timeline, 'boot-1')
    const relay = new SimRelay(timeline, new SimRandom(1))
    const link = new SimLink(timeline, new SimRandom(2))
    link.change('eth0', { up: true, address: '198.51.100.2', defaultRoute: true })
    await disk.makeDir('data')
    if ((await disk.size('data/settings.json')) === undefined) {
      await disk.write('data/settings.json', Buffer.from(JSON.stringify({ broker: { enabled: false }, ...settings })))
      await disk.write('data/secrets.json', Buffer.from(JSON.stringify(secrets)))
    }
    const book = new LogBook()
    const sys = new SimSys()
    const notified: (readonly string[])[] = []
    const ports = {
      clock,
      disk,
      net: new SimNet(timeline, relay),
      http: { listen: () => assert.fail('no socket is opened') },
      serve: { listen: () => assert.fail('no socket is opened') },
      setClock: async (wall: number) => {
        clock.wrongBy += wall - clock.wall()
        return undefined
      },
      sys,
      notify: async (...words: readonly string[]) => void notified.push(words),
      names: () => new SimNames({}),
      link,
      serial: new SimSerial(timeline, new SimRandom(3)),
      broker: new SimBroker(timeline),
      mailIn: noMailIn,
      random: new NodeRandom(),
      log: (level: string, event: string, facts: object = {}) => book.write(JSON.stringify({ level, event, ...facts })),
    }
    const scene: Scene = {
      ports,
      dir: 'data',
      env: {},
      out: () => {},
      err: () => {},
      hide: () => {},
      stdin: async () => new Uint8Array(),
      software: 'Outpost 0.1.0',
      builtAt: Date.UTC(2026, 10, 1),
      book,
      pageDir: 'page',
      boardsDir: 'boards',
      pid: 1,
      terminal: false,
      interactive: false,
      signals: { onStop: () => {}, onReload: () => {} },
    }
    const device = await DeviceStore.open(disk, ports.random, 'data')
    const household = await Household.open(scene, device)
    const box = new WebBox(disk, clock, household, await Assets.load(disk, 'page'))
    Object.assign(box, { timeline, book, scene, sys, notified, net: ports.net })
    return box
  }

  /** With a password, a session, and a gateway that works. */
  static async claimed(settings: object = {}, secrets: Record<string, string> = {}): Promise<WebBox> {
    const box = await WebBox.open(settings, secrets)
    await box.household.begin()
    const answer = await box.ask('POST', '/api/claim', { code: box.household.door.claimCode, password })
    assert.equal(answer.status, 204, await answer.text())
    box.#cookie = answer.headers.get('set-cookie')?.split(';')[0]
    return box
  }

  /** Another life on a disk that has been claimed, with a session. */
  static async entered(disk: SimDisk): Promise<WebBox> {
    const box = await WebBox.open({}, {}, disk)
    await box.household.begin()
    const answer = await box.ask('POST', '/api/login', { password })
    assert.equal(answer.status, 204, await answer.text())
    box.#cookie = answer.headers.get('set-cookie')?.split(';')[0]
    return box
  }

  /** Asks as the page does: with the cookie, and the marks that a browser sets. */
  ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, caller: Partial<Caller> = {}): Promise<Response> {
    const own = {
      host: here,
      'sec-fetch-site': 'same-origin',
      ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    return this.raw(method, path, body === undefined ? undefined : JSON.stringify(body), { ...own, ...headers }, caller)
  }

  /** What comes only as time passes. */
  async passing<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    const done = promise.finally(() => {
      isDone = true
    })
    await this.timeline.run(this.timeline.now + 60_000, () => isDone)
    return done
  }

  /** Asks with these headers and no others. */
  raw(
    method: string,
    path: string,
    body: string | undefined,
    headers: Record<string, string>,
    caller: Partial<Caller> = {},
  ): Promise<Response> {
    const request = new Request(`http://${here}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
    return this.#answer(request, { address: '192.0.2.50', local: here, secure: false, ...caller })
  }

  get cookie(): string {
    return this.#cookie ?? ''
  }
}
