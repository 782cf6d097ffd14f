import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { missing } from './process.ts'

/** A real Chromium, on loopback alone. What leaves the box, what a page says on its console and every dialog is kept, for a test to ask for. */
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const output = new URL('../e2e/output/', import.meta.url).pathname

export type Look = { width: number; height?: number; touch?: boolean; dark?: boolean; german?: boolean }

export class Chromium {
  readonly #browser: Browser
  readonly origin: string
  /** Requests to anywhere but the box. */
  readonly strayed: string[] = []
  /** Dialogs that nobody expected: a script of a foreigner ran. */
  readonly dialogs: string[] = []
  readonly errors: string[] = []
  #answer = false

  private constructor(browser: Browser, origin: string) {
    this.#browser = browser
    this.origin = origin
  }

  static missing(): string | false {
    return missing('chromium')
  }

  static async open(origin: string): Promise<Chromium> {
    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: switches })
    return new Chromium(browser, origin)
  }

  async page({ width, height = 844, touch = false, dark = false, german = false }: Look, state?: State): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width, height },
      hasTouch: touch,
      isMobile: touch,
      locale: german ? 'de-DE' : 'en-GB',
      timezoneId: 'Europe/Berlin',
      colorScheme: dark ? 'dark' : 'light',
      acceptDownloads: true,
      ...(state ? { storageState: state } : {}),
    })
    context.on('request', (request) => {
      if (!request.url().startsWith(`${this.origin}/`) && !/^(data|blob):/.test(request.url())) this.strayed.push(request.url())
    })
    const page = await context.newPage()
    // Longer than anything takes: on a machine that is busy, and with a browser that has just been unpacked, seconds are no fault.
    page.setDefaultTimeout(45_000)
    page.on('dialog', (dialog) => {
      if (this.#answer) return void dialog.accept()
      this.dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    page.on('pageerror', (error) => void this.errors.push(error.message))
    return page
  }

  /** Whoever is at the page says yes to what it asks. */
  sayYes(yes: boolean): void {
    this.#answer = yes
  }

  async close(): Promise<void> {
    await this.#browser.close()
  }
}

export type State = Awaited<ReturnType<BrowserContext['storageState']>>

/** Violations of accessibility as axe finds them, a line each. */
export async function violations(page: Page): Promise<string[]> {
  // As an expression and not as an element: the policy of the page allows no foreign script.
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const { violations: found } = await (globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }).axe.run()
    return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`))
  })
}
type Violation = { id: string; nodes: { html: string; failureSummary?: string }[] }

/** How far the page is wider than its window, in px. */
export const sideways = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

/** For people to look at; kept beside the tests. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(output, { recursive: true })
  await page.screenshot({ path: `${output}${name}.png`, fullPage: true })
}

/** Somebody without a mouse: goes on with Tab until the wanted element has the focus. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let steps = 0; steps < 200; steps++) {
    await page.keyboard.press('Tab')
    const found = await page.evaluate<string>(
      `(() => { const at = document.activeElement; const label = at?.labels?.[0]?.firstChild?.textContent; return (label ?? at?.getAttribute('aria-label') ?? at?.textContent ?? '').trim() })()`,
    )
    if (typeof name === 'string' ? found === name : name.test(found)) return
  }
  assert.fail(`${name} cannot be reached by keyboard`)
}
