import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Link, LinkState } from '../../src/ports/link.ts'

/** A machine with one interface, `box0`, without carrier, address or route at first. Its address is 198.51.100.2 of 24 bits. */
export type Machine = {
  link: Link
  carrier(on: boolean): void
  address(on: boolean): void
  defaultRoute(on: boolean): void
  pass(ms: number): Promise<void>
  done(): void
}

const onLink = '198.51.100.9'
const beyond = '203.0.113.9'

/** What every Link tells. */
export function linkContract(name: string, make: () => Machine): void {
  const on = (what: string, story: (machine: Machine) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const machine = make()
      try {
        await story(machine)
      } finally {
        machine.done()
      }
    })
  const box = (state: LinkState) => state.interfaces.find((one) => one.name === 'box0')

  on('carrier, address and default route are told as they are', async ({ link, carrier, address, defaultRoute, pass }) => {
    assert.equal(link.state().known, true)
    assert.deepEqual(box(link.state()), { name: 'box0', up: false, addresses: [] })
    carrier(true)
    await pass(100)
    assert.equal(box(link.state())?.up, true)
    address(true)
    assert.deepEqual(box(link.state())?.addresses, ['198.51.100.2'])
    assert.equal(link.state().defaultRoute, undefined)
    defaultRoute(true)
    assert.equal(link.state().defaultRoute, 'box0')
    carrier(false)
    await pass(100)
    assert.equal(box(link.state())?.up, false)
    assert.equal(link.state().defaultRoute, undefined, 'a route into an unplugged cable is none')
    carrier(true)
    await pass(100)
    assert.equal(link.state().defaultRoute, 'box0')
    defaultRoute(false)
    assert.equal(link.state().defaultRoute, undefined)
  })

  on('a neighbour is reached without a default route, others with one, and this machine always', async (machine) => {
    const { link, carrier, address, defaultRoute, pass } = machine
    assert.deepEqual(await link.route(onLink), { leads: false })
    assert.equal((await link.route('127.0.0.1')).leads, true)
    carrier(true)
    address(true)
    await pass(100)
    assert.deepEqual(await link.route(onLink), { leads: true, by: 'box0' })
    assert.deepEqual(await link.route(beyond), { leads: false })
    defaultRoute(true)
    assert.deepEqual(await link.route(beyond), { leads: true, by: 'box0' })
    carrier(false)
    await pass(100)
    assert.deepEqual([await link.route(onLink), await link.route(beyond)], [{ leads: false }, { leads: false }])
  })

  on('who watches hears of each change within a second, and of nothing after', async (machine) => {
    const { link, carrier, address, defaultRoute, pass } = machine
    const heard: LinkState[] = []
    const cancel = link.watch((state) => heard.push(state))
    await pass(1000)
    assert.equal(heard.length, 0, 'nothing has changed')
    carrier(true)
    await pass(1000)
    assert.equal(box(heard.at(-1) ?? link.state())?.up, true)
    address(true)
    defaultRoute(true)
    await pass(1000)
    assert.equal(heard.at(-1)?.defaultRoute, 'box0')
    const before = heard.length
    defaultRoute(false)
    await pass(1000)
    assert.equal(heard.length, before + 1)
    assert.equal(heard.at(-1)?.defaultRoute, undefined)
    cancel()
    carrier(false)
    await pass(1000)
    assert.equal(heard.length, before + 1)
  })
}
