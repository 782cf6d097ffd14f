import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Page } from 'playwright-core'
import { Chromium } from '../peers/browser.ts'
import { Outpost } from '../peers/outpost.ts'
import { freePort, sleep, stop, until } from '../peers/process.ts'
import { ptyPair } from '../peers/pty.ts'

/**
 * `npm run bench:page`: the page under load. 10,000 letters wait, a serial line says 100 lines a second, eight pages are open in a real browser: what an interaction takes (event timing), how long a
 * line needs from the wire to the page, and how much memory the gateway has more than without pages.
 */
const here = new URL('.', import.meta.url).pathname
const password = 'correct horse battery'
const letters = 10_000
const linesASecond = 100
const pages = 8
const seconds = 30

const dir = mkdtempSync(`${tmpdir()}/outpost-page-bench-`)
const port = await freePort()
const origin = `http://127.0.0.1:${port}`
spawnSync(process.execPath, [`${here}store.ts`, 'fill', `${dir}/data`, String(letters)], { stdio: 'inherit' })
const pair = await ptyPair(`${dir}/box`, `${dir}/plc`)
const outpost = new Outpost(`${dir}/data`, {
  web: { listen: `127.0.0.1:${port}` },
  broker: { enabled: false },
  queue: { maxMiB: 256 },
  people: [{ id: 'ops', name: 'Ops', address: 'ops@example.org' }],
  relays: [{ id: 'gone', host: '127.0.0.1', port: 1, security: 'tls' }],
  sources: [{ id: 'plc', kind: 'serial', path: `${dir}/box`, baudRate: 115200 }],
})
outpost.begin()
await until('the gateway works', 60_000, () => outpost.log.includes('serial: up'))
const browser = await Chromium.open(origin)
const line = openSync(`${dir}/plc`, 'r+')
let said = 0
const talk = setInterval(() => writeSync(line, `line ${++said} ${Date.now()} pressure 4.2 bar\r\n`), 1000 / linesASecond)
try {
  const first = await browser.page({ width: 390 })
  await first.goto(origin)
  await first.getByLabel('Claim code').fill(/[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(outpost.said)?.[0] ?? '')
  await first.getByLabel('New password').fill(password)
  await first.getByLabel('The same password again').fill(password)
  await first.getByRole('button', { name: 'Claim this box' }).click()
  await first.getByRole('heading', { name: 'Set up: Name and time' }).waitFor()
  const state = await first.context().storageState()
  await first.context().close()
  await sleep(10_000)
  const before = await rest()
  const open: Page[] = []
  for (let i = 0; i < pages; i++) {
    const page = await browser.page({ width: i % 2 ? 390 : 1280 }, state)
    await page.addInitScript(`
      globalThis.waits = []
      globalThis.events = []
      new PerformanceObserver((list) => { for (const one of list.getEntries()) if (one.interactionId) events.push(one.duration) }).observe({ type: 'event', durationThreshold: 16 })
      new MutationObserver((changes) => {
        for (const change of changes) for (const node of change.addedNodes) {
          const at = /line \\d+ (\\d{13})/.exec(node.textContent ?? '')
          if (at) waits.push(Date.now() - Number(at[1]))
        }
      }).observe(document, { childList: true, subtree: true })`)
    await page.goto(origin)
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    open.push(page)
  }
  const [one] = open as [Page]
  const until0 = performance.now() + seconds * 1000
  let interactions = 0
  while (performance.now() < until0) {
    for (const name of ['Queue', 'Sources', 'Logs', 'Overview']) {
      await one.getByRole('link', { name, exact: true }).first().click()
      interactions++
      await sleep(300)
    }
    await one.getByRole('link', { name: 'Queue', exact: true }).click()
    await one.getByRole('button', { name: 'Look inside' }).first().click()
    interactions += 2
    await sleep(300)
  }
  const after = await rest()
  const events = await one.evaluate<number[]>('events')
  const waits = (await Promise.all(open.slice(1).map((page) => page.evaluate<number[]>('waits')))).flat().sort((a, b) => a - b)
  const share = (of: readonly number[], part: number) => of[Math.min(of.length - 1, Math.floor(of.length * part))] ?? 0
  console.log(`interactions: ${interactions}, slowest ${Math.max(16, ...events)} ms (event timing, steps of 8 ms)`)
  console.log(`line on the wire to line on the page: p50 ${share(waits, 0.5)} ms, p99 ${share(waits, 0.99)} ms of ${waits.length}`)
  console.log(`gateway: ${mib(before)} without a page, ${mib(after)} with ${pages}, ${mib(after - before)} more; ${said} lines said`)
} finally {
  clearInterval(talk)
  closeSync(line)
  await browser.close()
  await outpost.stop()
  await stop(pair)
  rmSync(dir, { recursive: true, force: true })
}

/** Memory at rest: the least of five seconds, since the collector comes and goes. */
async function rest(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 10; i++) {
    least = Math.min(least, outpost.memory().now)
    await sleep(500)
  }
  return least
}

function mib(bytes: number): string {
  return `${(bytes / 1048576).toFixed(1)} MiB`
}
