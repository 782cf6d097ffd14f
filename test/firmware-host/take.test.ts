import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { apply, type Box } from '../../firmware-host/first-boot/apply.ts'
import { take } from '../../firmware-host/first-boot/take.ts'

type Told = ReturnType<Box['command']>
const done: Told = { status: 0, out: '', err: '' }

/** A start partition with a provisioning file, and a box whose command answers as it is told. */
class Card {
  readonly dir = mkdtempSync(join(tmpdir(), 'outpost-take-'))
  readonly start = join(this.dir, 'start')
  readonly commands: (readonly string[])[] = []
  /** What the settings were imported from. */
  imported: unknown
  answers: Readonly<Record<string, Told>> = {}
  readonly box: Box

  constructor() {
    const place = (name: string) => join(this.dir, name)
    for (const name of ['start', 'data', 'host', 'run']) mkdirSync(place(name))
    this.box = {
      data: place('data'),
      host: place('host'),
      run: place('run'),
      own: () => {},
      command: (...words) => {
        this.commands.push(words)
        if (words[1] === 'import') this.imported = JSON.parse(readFileSync(words[2] ?? '', 'utf8'))
        return this.answers[words[1] ?? ''] ?? done
      },
    }
  }

  lay(value: unknown): void {
    writeFileSync(join(this.start, 'outpost.json'), typeof value === 'string' ? value : JSON.stringify(value))
  }

  boot(box = this.box): string[] {
    return take(this.start, (provision) => apply(box, provision))
  }

  get names(): string[] {
    return readdirSync(this.start).sort()
  }

  read(name: string): string {
    return readFileSync(join(this.start, name), 'utf8')
  }
}

function onCard(deed: (card: Card) => void): void {
  const card = new Card()
  try {
    deed(card)
  } finally {
    rmSync(card.dir, { recursive: true })
  }
}

test('a file is taken once: its secrets are gone from the card, and what it said else stays', () => {
  onCard((card) => {
    card.lay({ secrets: { 'relay:isp': 'canary-1' }, settings: { site: { name: 'Pump 7' } }, timeZone: 'Europe/Berlin' })
    assert.deepEqual(card.boot(), ['outpost.json was taken'])
    assert.deepEqual(card.names, ['outpost-result.txt', 'outpost.taken.json'])
    assert.doesNotMatch(card.names.map((name) => card.read(name)).join(''), /canary/)
    assert.deepEqual(card.imported, { site: { name: 'Pump 7', timeZone: 'Europe/Berlin' } })
    assert.deepEqual(JSON.parse(readFileSync(join(card.box.data, 'secrets.json'), 'utf8')), { 'relay:isp': 'canary-1' })
    assert.deepEqual(readdirSync(card.box.run), [], 'no draft is left')
    assert.equal(statSync(card.box.run).mode & 0o777, 0o700)
    assert.deepEqual(card.boot(), [])
    card.lay({ secrets: { 'relay:other': 'canary-2' } })
    card.boot()
    assert.deepEqual(Object.keys(JSON.parse(readFileSync(join(card.box.data, 'secrets.json'), 'utf8'))), ['relay:isp', 'relay:other'])
  })
})

test('settings that cannot be read or written leave the file where it is, and the result says why', () => {
  for (const [verb, value] of [
    ['export', { timeZone: 'UTC', secrets: { a: 'b' } }],
    ['import', { settings: {}, secrets: { a: 'b' } }],
  ] as const)
    for (const [err, told] of [
      ['outpost: settings.json: There is 7.\nsecond line\n', /^- outpost: settings\.json: There is 7\.\r\n- second line\r$/m],
      ['', /^- The settings of the box could not be read or written/m],
    ] as const)
      onCard((card) => {
        card.lay(value)
        card.answers = { [verb]: { status: 1, out: '', err } }
        assert.ok(card.boot().length > 0)
        assert.deepEqual(card.names, ['outpost-result.txt', 'outpost.json'])
        assert.match(card.read('outpost-result.txt'), /^outpost\.json was not taken; nothing was changed\.\r\n/)
        assert.match(card.read('outpost-result.txt'), told)
        assert.deepEqual(readdirSync(card.box.data), [])
        assert.deepEqual(readdirSync(card.box.run), [])
      })
})

test('a disk that fails in between is told in the result, which does not say that nothing was changed; the next start takes the file', () => {
  onCard((card) => {
    card.lay({ settings: {}, secrets: { 'relay:isp': 'canary-1' }, network: { ntp: ['10.1.2.1'] } })
    // No file can be where a directory is.
    mkdirSync(join(card.box.host, 'network.json'))
    const [line = '', ...more] = card.boot()
    assert.match(line, /network\.json/)
    assert.deepEqual(more, [])
    assert.deepEqual(card.names, ['outpost-result.txt', 'outpost.json'])
    const told = card.read('outpost-result.txt')
    assert.match(told, /a part of it may be in use.*network\.json.*taken anew at the next start/s)
    assert.doesNotMatch(told, /canary|nothing was changed/)
    rmSync(join(card.box.host, 'network.json'), { recursive: true })
    assert.deepEqual(card.boot(), ['outpost.json was taken'])
  })
})

test('a start partition that takes no word more loses the secrets all the same, and the box starts', () => {
  onCard((card) => {
    card.lay({ secrets: { 'relay:isp': 'canary-1' } })
    for (const name of ['outpost.taken.json', 'outpost-result.txt']) mkdirSync(join(card.start, name))
    const lines = card.boot()
    assert.equal(lines[0], 'outpost.json was taken')
    assert.equal(lines.length, 3, String(lines))
    assert.ok(!existsSync(join(card.start, 'outpost.json')))
  })
})

test('an empty file, which is what a power cut leaves after it was taken, goes, and that is told', () => {
  onCard((card) => {
    card.lay(' '.repeat(100))
    assert.equal(card.boot().length, 1)
    assert.deepEqual(card.names, ['outpost-result.txt'])
    assert.match(card.read('outpost-result.txt'), /was empty, or the power went/)
  })
})
