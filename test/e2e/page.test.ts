import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Chromium, picture, type State, sideways, tabTo, violations } from '../peers/browser.ts'
import { fakeTime, noFakeTime } from '../peers/fake-time.ts'
import { Link, noLinks } from '../peers/link.ts'
import { Outpost } from '../peers/outpost.ts'
import { freePort, runBeside, until } from '../peers/process.ts'
import { Station } from '../peers/station.ts'

/**
 * The local page in a real browser: from an empty data directory to a mail that is read back from Dovecot, by finger on a telephone and by keyboard alone, and then every screen in both
 * languages and both themes.
 */
const skip = Station.missing() || Chromium.missing()
const password = 'correct horse battery'
const nasty = '<script>alert(1)</script><img src=x onerror=alert(2)>\u0007\u202egnp.exe'
const dir = mkdtempSync(`${tmpdir()}/outpost-page-`)
let station: Station
let browser: Chromium
let rude: Server | undefined

before(async () => {
  if (!skip) station = await Station.open()
})

after(async () => {
  await browser?.close()
  rude?.close()
  await station?.close()
  rmSync(dir, { recursive: true, force: true })
})

/** A box as it comes: nothing is set but the ports, which others may have on this machine. */
async function freshBox(name: string): Promise<{ outpost: Outpost; origin: string; mqtt: number }> {
  const [web, mqtt] = [await freePort(), await freePort()]
  mkdirSync(`${dir}/${name}`)
  const outpost = new Outpost(`${dir}/${name}`, { web: { listen: `127.0.0.1:${web}` }, broker: { listen: `127.0.0.1:${mqtt}` } })
  outpost.begin()
  await until('the page is served', 20_000, () => outpost.log.includes('the page is served') && outpost.log.includes('gateway: ready'))
  return { outpost, origin: `http://127.0.0.1:${web}`, mqtt }
}

const codeOf = ({ said }: Outpost): string => /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(said)?.[0] ?? assert.fail('no claim code on the console')

async function say(mqtt: number, text: string): Promise<void> {
  await runBeside('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(mqtt), '-t', 'alerts/door', '-q', '1', '-s'], text)
}

test('the set-up by finger on a telephone ends in a mail that the reader has', { skip, timeout: 180_000 }, async () => {
  const { outpost, origin, mqtt } = await freshBox('touch')
  browser = await Chromium.open(origin)
  try {
    const page = await browser.page({ width: 390, touch: true })
    await page.goto(origin)
    const tap = (name: string | RegExp) =>
      page
        .getByRole('button', { name, exact: true })
        .or(page.getByRole('link', { name, exact: true }))
        .first()
        .tap()
    await page.getByLabel('Claim code').fill(codeOf(outpost))
    await page.getByLabel('New password').fill(password)
    await page.getByLabel('The same password again').fill(password)
    await picture(page, 'setup-1-390')
    await tap('Claim this box')
    await page.getByLabel('Name of this site').fill('Pump station 7')
    await page.getByLabel('Domain of this site').fill('ps7.example.net')
    assert.equal(await page.getByLabel('Time zone').inputValue(), 'Europe/Berlin', 'as the telephone has it')
    await picture(page, 'setup-2-390')
    await tap('Save and go on')
    await page.getByRole('heading', { name: 'Set up: Sources' }).waitFor()
    await say(mqtt, '{"key":"door-1","text":"Door open"}')
    await page.getByText('Door open').first().waitFor()
    await picture(page, 'setup-3-390')
    await tap('Next')
    await relay(page, (name) => tap(name))
    await picture(page, 'setup-4-390')
    await tap('Next')
    await tap('Make a rule from this line')
    await page.getByText('Rule rule-1 takes it.').waitFor()
    await page.getByText('Subject: Pump station 7').waitFor()
    await picture(page, 'setup-5-390')
    await tap('Save')
    await page.getByRole('heading', { name: 'Set up: Done' }).waitFor()
    const download = page.waitForEvent('download')
    await tap('Download backup')
    const backup = JSON.parse(readFileSync(await (await download).path(), 'utf8'))
    assert.equal(backup.settings.site.name, 'Pump station 7')
    assert.equal(backup.secrets, undefined)
    await picture(page, 'setup-6-390')
    await say(mqtt, '{"key":"door-1","text":"Door open again"}')
    await until('alert and test mail are with the reader', 40_000, async () => {
      const mails = (await station.letters()).join('\n')
      return /^Subject: Test mail from Pump station 7/m.test(mails) && /Door open again/.test(mails)
    })
    const settings = readFileSync(`${outpost.data}/settings.json`, 'utf8')
    assert.ok(!settings.includes('smtp-secret'))
    assert.ok(!outpost.log.includes('smtp-secret') && !outpost.log.includes(codeOf(outpost)))
    assert.deepEqual([browser.strayed, browser.dialogs, browser.errors], [[], [], []])
  } finally {
    await browser.close()
    await outpost.stop()
  }
})

/** Who is told and by which relay: tried before it is saved, pinned by what the check shows, and a mail sent. */
async function relay(page: Page, press: (name: string) => Promise<void>): Promise<void> {
  await page.getByLabel('Who gets the alerts').fill('ops@example.org')
  await press('Go on')
  await page.getByLabel('Mail server').fill('localhost')
  await page.getByLabel('Port', { exact: true }).fill(String(station.mail.ports.submission))
  await page.getByLabel('User').fill('ps7@example.org')
  await page.getByLabel('Password', { exact: true }).fill('smtp-secret')
  await press('Check connection')
  const fault = page.locator('details[open]')
  await fault.waitFor()
  const pin = /(?:[0-9A-F]{2}:){31}[0-9A-F]{2}/i.exec((await fault.textContent()) ?? '')?.[0]
  assert.ok(pin, `the fault shows the certificate: ${await fault.textContent()}`)
  await page.getByLabel(/^Its certificate/).fill(pin)
  await press('Check connection')
  await page.getByText('This relay would take a letter.').waitFor()
  assert.ok(!(await page.locator('main').textContent())?.includes('smtp-secret'), 'the transcript is masked')
  await press('Save')
  await page.getByText('Saved. Now send a test mail, and read it.').waitFor()
  await press('Send test mail')
  await page.getByText('Delivered: the next server has taken it.').waitFor()
}

test('the set-up by keyboard alone, on a wide window', { skip, timeout: 180_000 }, async () => {
  const { outpost, origin } = await freshBox('keys')
  browser = await Chromium.open(origin)
  try {
    const page = await browser.page({ width: 1280, height: 900 })
    await page.goto(origin)
    await page.getByLabel('Claim code').waitFor()
    const type = async (label: string | RegExp, text: string) => {
      await tabTo(page, label)
      await page.keyboard.press('ControlOrMeta+a')
      await page.keyboard.type(text)
    }
    const press = async (name: string) => {
      await tabTo(page, name)
      await page.keyboard.press('Enter')
    }
    await type('Claim code', codeOf(outpost))
    await type('New password', password)
    await type('The same password again', password)
    await page.keyboard.press('Enter')
    await page.getByLabel('Name of this site').waitFor()
    await type('Name of this site', 'Mast 4')
    await type('Domain of this site', 'mast4.example.net')
    await press('Save and go on')
    await page.getByRole('heading', { name: 'Set up: Sources' }).waitFor()
    await press('Next')
    await page.getByLabel('Who gets the alerts').waitFor()
    await type('Who gets the alerts', 'ops@example.org')
    await press('Go on')
    await type('Mail server', 'localhost')
    await type('Port', String(station.mail.ports.submission))
    await type('User', 'ps7@example.org')
    await type('Password', 'smtp-secret')
    await press('Check connection')
    const fault = page.locator('details[open]')
    await fault.waitFor()
    const pin = /(?:[0-9A-F]{2}:){31}[0-9A-F]{2}/i.exec((await fault.textContent()) ?? '')?.[0] ?? ''
    await type(/^Its certificate/, pin)
    await press('Save')
    await page.getByText('Saved. Now send a test mail, and read it.').waitFor()
    await press('Send test mail')
    await page.getByText('Delivered: the next server has taken it.').waitFor()
    await picture(page, 'setup-4-1280')
    await until('the test mail is with the reader', 30_000, async () =>
      (await station.letters()).some((mail) => /^Subject: Test mail from Mast 4/m.test(mail)),
    )
    assert.deepEqual([browser.strayed, browser.dialogs, browser.errors], [[], [], []])
  } finally {
    await browser.close()
    await outpost.stop()
  }
})

const screens = [
  '',
  'sources',
  'rules',
  'rules/doors',
  'people',
  'queue',
  'mailbox',
  'device',
  'logs',
  'setup/2',
  'setup/3',
  'setup/4',
  'setup/5',
  'setup/6',
]

test('every screen is accessible in both languages and themes, fits 320 px, asks nobody else, and shows what foreigners say as text (XSS, CWE-79)', {
  skip,
  timeout: 240_000,
}, async () => {
  const { outpost, origin, mqtt } = await freshBox('screens')
  browser = await Chromium.open(origin)
  try {
    const state = await populate(outpost, origin, mqtt, await rudeRelay())
    for (const look of [
      { width: 390, german: false, dark: false },
      { width: 390, german: false, dark: true },
      { width: 390, german: true, dark: false },
      { width: 390, german: true, dark: true },
      { width: 1280, german: false, dark: true },
      { width: 1280, german: true, dark: false },
      { width: 320, german: true, dark: false },
    ]) {
      const page = await browser.page({ ...look, touch: look.width < 500 }, state)
      for (const screen of screens) {
        await page.goto(`${origin}/#/${screen}`)
        await page.locator('main h1').waitFor()
        if (screen === 'sources')
          await page
            .getByRole('button', { name: look.german ? 'Mithören und ändern' : 'Listen and change' })
            .first()
            .click()
        if (screen === 'queue')
          await page
            .getByRole('button', { name: look.german ? 'Hineinsehen' : 'Look inside' })
            .first()
            .click()
        if (screen === 'people') {
          const change = page.getByRole('button', { name: look.german ? 'Ändern' : 'Change' })
          await change.last().click()
          await page.getByRole('button', { name: look.german ? 'Verbindung prüfen' : 'Check connection' }).click()
          await page.locator('details[open]').getByText('onerror').first().waitFor()
        }
        if (screen === 'mailbox')
          await page
            .getByRole('button', { name: look.german ? 'Lesen' : 'Read' })
            .first()
            .click()
        await page.waitForTimeout(500)
        const name = `${screen.replace('/', '-') || 'overview'}-${look.width}-${look.german ? 'de' : 'en'}-${look.dark ? 'dark' : 'light'}`
        await picture(page, name)
        assert.equal(await sideways(page), 0, `${name} scrolls sideways`)
        assert.deepEqual(await violations(page), [], name)
        assert.equal(await page.locator('main img, main script').count(), 0, name)
      }
      await page.context().close()
    }
    assert.deepEqual([browser.strayed, browser.dialogs, browser.errors], [[], [], []])
  } finally {
    await browser.close()
    await outpost.stop()
  }
})

/** A relay whose words are meant for a browser. */
async function rudeRelay(): Promise<number> {
  rude = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(`220 ${nasty}\r\n`)
    socket.on('data', (octets) =>
      socket.write(octets.toString().startsWith('EHLO') ? `250-${nasty}\r\n250 ${nasty}\r\n` : `451 4.3.0 ${nasty}\r\n`),
    )
  })
  await new Promise<void>((resolve) => rude?.listen(0, '127.0.0.1', resolve))
  return (rude.address() as AddressInfo).port
}

/** A box with something on every screen, most of it said by somebody who means ill. */
async function populate(outpost: Outpost, origin: string, mqtt: number, relayPort: number): Promise<State> {
  const page = await browser.page({ width: 390 })
  await page.goto(origin)
  const ask = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    page.evaluate(
      async ({ method, path, body, headers }) => {
        const answer = await fetch(path, {
          method,
          headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        return { status: answer.status, etag: answer.headers.get('etag') ?? '', text: await answer.text() }
      },
      { method, path, body, headers },
    )
  assert.equal((await ask('POST', '/api/claim', { code: codeOf(outpost), password })).status, 204)
  const read = await ask('GET', '/api/settings')
  const { settings } = JSON.parse(read.text)
  const saved = await ask(
    'PUT',
    '/api/settings',
    {
      ...settings,
      site: { ...settings.site, name: 'Pumpwerk <b>7</b>', domain: 'ps7.example.net' },
      sources: [
        { id: 'plc', kind: 'serial', path: '/dev/outpost-none' },
        { id: 'hooks', kind: 'http' },
      ],
      people: [
        { id: 'operator', name: 'Operator', address: 'operator@ps7.example.net' },
        { id: 'ops', name: 'Ops', address: 'ops@example.org' },
      ],
      rules: [{ id: 'doors', when: { key: 'door*' }, to: ['ops', 'operator'] }],
      relays: [{ id: 'rude', host: '127.0.0.1', port: relayPort, security: 'none' }],
    },
    { 'If-Match': read.etag },
  )
  assert.equal(saved.status, 200, saved.text)
  await say(mqtt, JSON.stringify({ key: 'door-1', text: nasty, state: 'raised', severity: 'critical', [nasty]: nasty }))
  await say(mqtt, nasty)
  await until('it waits, and is in the mailbox', 20_000, async () => {
    const [queue, mailbox] = [await ask('GET', '/api/queue'), await ask('GET', '/api/mailbox')]
    return JSON.parse(queue.text).total >= 1 && JSON.parse(mailbox.text).total >= 2
  })
  const state = await page.context().storageState()
  await page.context().close()
  return state
}

/** Claims it and shows the overview. */
async function overviewOf(outpost: Outpost, origin: string): Promise<Page> {
  const page = await browser.page({ width: 390 })
  await page.goto(origin)
  await page.getByLabel('Claim code').fill(codeOf(outpost))
  await page.getByLabel('New password').fill(password)
  await page.getByLabel('The same password again').fill(password)
  await page.getByRole('button', { name: 'Claim this box' }).click()
  await page.getByRole('heading', { name: 'Set up: Name and time' }).waitFor()
  await page.goto(`${origin}/#/`)
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  return page
}

test('a second relay and a second source keep their passwords beside those of the first, and what is refused changes none', {
  skip,
  timeout: 120_000,
}, async () => {
  const { outpost, origin } = await freshBox('twice')
  browser = await Chromium.open(origin)
  const secrets = () => JSON.parse(readFileSync(`${outpost.data}/secrets.json`, 'utf8'))
  try {
    const page = await overviewOf(outpost, origin)
    const add = async (host: string, password: string) => {
      await page.getByRole('button', { name: 'Go on' }).click()
      await page.getByLabel('Host').fill(host)
      await page.getByLabel('User').fill('ps7')
      await page.getByLabel(/^password$/i).fill(password)
      await page.getByRole('button', { name: 'Save' }).click()
    }
    await page.goto(`${origin}/#/people`)
    await add('one.example.org', 'first')
    await page.getByText('one.example.org:587').waitFor()
    assert.deepEqual(secrets(), { 'relay:relay': 'first' })
    await add('no host', 'refused')
    await page.getByText('The settings were not saved.').waitFor()
    assert.deepEqual(secrets(), { 'relay:relay': 'first' })
    await page.getByLabel('Host').fill('two.example.org')
    await page.getByLabel(/^password$/i).fill('second')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('two.example.org:587').waitFor()
    assert.deepEqual(secrets(), { 'relay:relay': 'first', 'relay:relay2': 'second' })

    await page.goto(`${origin}/#/sources`)
    const broker = async (password: string) => {
      await page.getByRole('button', { name: 'MQTT broker' }).click()
      await page.getByLabel('Broker', { exact: true }).fill('mqtt://127.0.0.1:1')
      await page.getByLabel(/^password$/i).fill(password)
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByRole('button', { name: 'MQTT broker' }).waitFor()
    }
    const card = (id: string) => page.locator('section').filter({ has: page.getByRole('heading', { name: new RegExp(`\\b${id}$`) }) })
    await broker('of field')
    await broker('of field2')
    await card('field').getByRole('button', { name: 'Listen and change' }).click()
    browser.sayYes(true)
    await page.getByRole('button', { name: 'Remove' }).click()
    await card('field').waitFor({ state: 'detached' })
    await broker('of a third')
    const kept = secrets()
    assert.equal(kept['sources:field2:password'], 'of field2')
    assert.equal(kept['sources:field:password'], 'of a third')
    const settings = JSON.parse(readFileSync(`${outpost.data}/settings.json`, 'utf8'))
    assert.deepEqual(
      settings.sources.map((one: { id: string; password: unknown }) => [one.id, one.password]),
      [
        ['field2', { secret: 'sources:field2:password' }],
        ['field', { secret: 'sources:field:password' }],
      ],
    )
    assert.deepEqual([browser.strayed, browser.dialogs, browser.errors], [[], [], []])
  } finally {
    await browser.close()
    await outpost.stop()
  }
})

const away = 'The box does not answer. What you see is old'

test('a gateway that is killed and comes back: the page says so and recovers by itself', { skip, timeout: 120_000 }, async () => {
  const { outpost, origin, mqtt } = await freshBox('back')
  browser = await Chromium.open(origin)
  try {
    const page = await overviewOf(outpost, origin)
    await outpost.kill()
    await page.getByText(away).waitFor()
    await picture(page, 'away-390')
    outpost.begin()
    await page.getByText(away).waitFor({ state: 'detached', timeout: 20_000 })
    await until('the broker listens', 10_000, () => outpost.log.split('embedded broker: listening').length > 2)
    await say(mqtt, 'after the restart')
    await page.getByText('after the restart').waitFor()
    assert.deepEqual([browser.strayed, browser.dialogs, browser.errors], [[], [], []])
  } finally {
    await browser.close()
    await outpost.stop()
  }
})

test('a network that is pulled under the page: it says so and recovers by itself', {
  skip: skip || noLinks(),
  timeout: 120_000,
}, async () => {
  const link = new Link()
  const port = await freePort()
  const settings = { web: { listen: `${link.far}:${port}` }, broker: { enabled: false } }
  const outpost = new Outpost(`${dir}/pulled`, settings, {}, link)
  const origin = `http://${link.far}:${port}`
  browser = await Chromium.open(origin)
  try {
    outpost.begin()
    await until('the page is served', 20_000, () => outpost.log.includes('gateway: ready'))
    const page = await overviewOf(outpost, origin)
    link.cut('far')
    await page.getByText(away).waitFor({ timeout: 20_000 })
    link.heal()
    await page.getByText(away).waitFor({ state: 'detached', timeout: 30_000 })
    assert.deepEqual([browser.strayed, browser.dialogs, browser.errors], [[], [], []])
  } finally {
    await browser.close()
    await outpost.stop()
    link.remove()
  }
})

test('a clock that jumps: the page says so, and goes on', { skip: skip || noFakeTime(), timeout: 120_000 }, async () => {
  const web = await freePort()
  const outpost = new Outpost(`${dir}/clock`, { web: { listen: `127.0.0.1:${web}` }, broker: { enabled: false } })
  const origin = `http://127.0.0.1:${web}`
  const clock = `${dir}/clock-offset`
  writeFileSync(clock, '+0')
  browser = await Chromium.open(origin)
  try {
    outpost.begin({ LD_PRELOAD: fakeTime, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' })
    await until('the page is served', 20_000, () => outpost.log.includes('gateway: ready'))
    const page = await overviewOf(outpost, origin)
    writeFileSync(clock, '+3h')
    await page.getByText('The clock of the box was set forward by 3 h.').waitFor()
    writeFileSync(clock, '-2h')
    await page.getByText('The clock of the box was set back by 5 h.').waitFor()
    await page.getByRole('button', { name: 'Send a test alarm' }).click()
    await page.getByText('Test alarm from the page').first().waitFor()
    assert.deepEqual([browser.strayed, browser.dialogs, browser.errors], [[], [], []])
  } finally {
    await browser.close()
    await outpost.stop()
  }
})

test('all files of the page are small enough for a thin link', () => {
  const page = new URL('../../dist/page/', import.meta.url)
  const bytes = ['index.html', 'main.js', 'page.css', 'icon.svg'].reduce(
    (sum, name) => sum + readFileSync(new URL(`${name}.gz`, page)).length,
    0,
  )
  assert.ok(bytes <= 40_000, `${bytes} octets; 30,000 are wanted, and more than 40,000 are too many`)
})
