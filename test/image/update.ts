import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { PlainRelay } from '../peers/plain-relay.ts'
import { Box, type Told } from './box.ts'
import { type Cut, cuts } from './cuts.ts'
import { freePort, Machine } from './machine.ts'
import { flash, lay, provisioning } from './provision.ts'
import { until } from './until.ts'
import { type Bundles, makeBundles, makeKey } from './updates.ts'

/**
 * Updates of a booted box: `npm run test:update` builds the image for x86-64 with a keyring, and brings it bundles on a stick: forged, broken, foreign and older ones, good ones while whose installation the power goes at
 * every stage (cuts.ts), a good one in peace, and one whose gateway does not work. Letters wait all the while, and arrive in the end. In an emulator without hardware help, so it takes an hour and more.
 *
 * --folder DIR: image, bundles and disk are made there and kept; a second run goes on with them. --from PART: first (the beginning), refused, cuts, good, broken or arrival. --cut N: the first cut, from 1 on.
 */
const root = resolve(import.meta.dirname, '../..')
const parts = ['first', 'refused', 'cuts', 'good', 'broken', 'arrival'] as const
type Part = (typeof parts)[number]
const { values } = parseArgs({
  options: { folder: { type: 'string' }, from: { type: 'string', default: 'first' }, cut: { type: 'string', default: '1' } },
})
const diskBytes = 3 * 1024 ** 3
const waiting = 20
/** Those before which the power goes bring two (cuts.ts); one is left for a run in peace. */
const goodBundles = 3
const rollBackSeconds = 1800

const began = performance.now()
let passed = 0
const say = (words: string): void => void process.stdout.write(`${words}\n`)

async function check(sentence: string, deed: () => Promise<unknown>): Promise<void> {
  const from = performance.now()
  const figure = await deed()
  passed += 1
  say(`ok     ${sentence}${figure === undefined ? '' : `: ${figure}`}  (${((performance.now() - from) / 1000).toFixed(0)} s)`)
}

/** What a folder has for its box. */
type Bench = { disk: string; relayPort: number; bundles: Bundles }
type Deed = (box: Box, bench: Bench, said: Said) => Promise<void>

async function benchIn(folder: string): Promise<Bench> {
  const list = join(folder, 'bench.json')
  if (existsSync(list)) return JSON.parse(readFileSync(list, 'utf8')) as Bench
  mkdirSync(folder, { recursive: true })
  const signer = makeKey(folder, 'outpost-test')
  const image = join(folder, 'image.img.zst')
  const args = [join(root, 'firmware-host/image/build.ts'), '--board', 'generic-x86-64', '--out', image, '--keyring', signer.cert]
  if (spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0) throw new Error('The image was not built.')
  const bundles = await makeBundles(join(folder, 'image.root.squashfs'), 'generic-x86-64', folder, signer, goodBundles)
  const disk = join(folder, 'disk.img')
  const relayPort = await freePort()
  flash(image.replace(/\.zst$/, ''), disk, diskBytes)
  lay(disk, 'outpost.json', JSON.stringify(provisioning('/dev/ttyS1', relayPort)))
  const bench = { disk, relayPort, bundles }
  writeFileSync(list, JSON.stringify(bench))
  return bench
}

const tokens = Array.from({ length: waiting }, (_, index) => `waits-${index + 1}.`)
/** Another one in each run that goes on with a folder. */
const tokenOf = (cut: number): string => `cut-${cut}-${process.pid}.`

/** Alerts that the box has acknowledged, over all runs. */
class Said {
  readonly #path: string

  constructor(folder: string) {
    this.#path = join(folder, 'said.json')
  }

  get all(): readonly string[] {
    return existsSync(this.#path) ? (JSON.parse(readFileSync(this.#path, 'utf8')) as string[]) : []
  }

  add(...words: string[]): void {
    writeFileSync(this.#path, JSON.stringify([...this.all, ...words]))
  }
}

const deeds: Record<Part, Deed> = {
  async first(box, { bundles }, said) {
    await check('the first boot is confirmed', async () => {
      const { state, slot, version } = await box.settled()
      assert.deepEqual([state, slot, version], ['idle', 'A', bundles.here])
    })
    await check(`${waiting} alerts are acknowledged while no mail server can be reached`, async () => {
      await box.says('Door open', ...tokens)
      said.add(...tokens)
    })
    await check('a good bundle is found good, and nothing is done with it unasked', async () => {
      const { out, code } = await box.bring('good-1')
      assert.equal(code, 0, `${out}\n${await box.machine.probe.run('journalctl -b --no-pager -u outpost-update -u rauc | tail -30')}`)
      assert.match(out, /Say --yes/)
      const { state, slot } = await box.told()
      assert.deepEqual([state, slot], ['checked', 'A'])
      return out.split('\n')[0]
    })
  },

  async refused(box) {
    const before = await box.told()
    for (const [name, why] of [
      ['stranger', /signature/],
      ['unsigned', /no update bundle|signature|part of one/],
      ['tampered', /changed or damaged/],
      ['cut', /no update bundle|signature|part of one/],
      ['foreign', /for outpost-raspberry-pi-4b/],
      ['older', /older than/],
    ] as const)
      await check(`the bundle "${name}" is refused, and the box runs on as it did`, async () => {
        const { out, code } = await box.bring(name, '--yes')
        assert.equal(code, 1, out)
        assert.match(out, why)
        const { slot, version } = await box.told()
        assert.deepEqual([slot, version], [before.slot, before.version])
        return out.split('\n').at(-1)
      })
  },

  async cuts(box, { bundles }, said) {
    for (const [index, cut] of cuts.entries()) {
      const number = index + 1
      if (number < Number(values.cut)) continue
      await check(`the power goes ${cut.name} (${number} of ${cuts.length}), and the box comes up`, async () => {
        const before = await box.told()
        await box.says(tokenOf(number))
        said.add(tokenOf(number))
        return oneCut(box, bundles, cut, before)
      })
    }
  },

  async good(box, { bundles }) {
    await check('a good bundle is installed, runs from the other slot, and is confirmed', async () => {
      const before = await box.told()
      const name = nextGood(bundles, before.version)
      const boot = await box.bootId()
      const { out, code } = await box.bring(name, '--yes')
      assert.ok(code === 0 || /restarts/.test(out), out)
      await box.anotherBoot(boot)
      const { slot, version, state } = await box.settled()
      assert.deepEqual([slot, version, state], [other(before.slot), versionOf(bundles, name), 'idle'])
      return `${before.version} in ${before.slot}, then ${version} in ${slot}`
    })
    await check('restarted, it runs on from that slot and has nothing to tell', async () => {
      const { slot, version } = await box.told()
      const boot = await box.bootId()
      await box.machine.probe.try('systemctl --no-block reboot', 60).catch(() => {})
      await box.anotherBoot(boot)
      const after = await box.settled()
      assert.deepEqual([after.slot, after.version, after.state], [slot, version, 'idle'])
    })
  },

  async broken(box) {
    await check('one whose gateway does not work is given up by the box itself, and told', async () => {
      const before = await box.told()
      const boot = await box.bootId()
      await box.bring('bad', '--yes')
      const from = performance.now()
      await box.anotherBoot(boot)
      await until('the old system is back', rollBackSeconds, async () => {
        const now = await box.told().catch(() => undefined)
        return now?.state === 'rolled-back' && now.version === before.version
      })
      const { why, slot } = await box.told()
      assert.equal(slot, before.slot)
      return `after ${((performance.now() - from) / 60_000).toFixed(1)} minutes: ${why}`
    })
  },

  async arrival(_box, { relayPort }, said) {
    const relay = new PlainRelay()
    await relay.start(relayPort)
    try {
      await check('every alert arrives, once, and what was told of the roll-back', async () => {
        const { all } = said
        assert.ok(all.length >= waiting)
        const lettersWith = (words: string) => relay.letters.filter(({ content }) => content.includes(words)).length
        const missing = () => [...all, 'did not come up well'].filter((words) => lettersWith(words) === 0)
        await until('all mail is there', 900, () => missing().length === 0).catch((error) => {
          throw new Error(`${error.message} Missing: ${missing().join(' ')}`)
        })
        for (const token of all) assert.equal(lettersWith(token), 1, `${token} comes once`)
        return `${all.length} alerts`
      })
    } finally {
      await relay.stop()
    }
  },
}

/** The update begins, the power goes; what is there then is the system before or the new one, whole, and it can say which. */
async function oneCut(box: Box, bundles: Bundles, cut: Cut, before: Told): Promise<string> {
  const name = nextGood(bundles, before.version)
  const next = versionOf(bundles, name)
  const at = await cut.until(box, name, bundles.rootBytes)
  await box.powerCut()
  const after = await (cut.leavesTrial ? box.onTrial() : box.settled())
  const { slot, version, state, why } = after
  const was = `cut at ${at}; then ${version} in ${slot}, ${state}`
  switch (cut.leaves) {
    case 'old':
      assert.deepEqual([slot, version], [before.slot, before.version], was)
      assert.match(`${state} ${why ?? ''}`, cut.says, was)
      break
    case 'new':
      assert.deepEqual([slot, version], [other(before.slot), next], was)
      assert.match(state, cut.says, was)
      break
    case 'same':
      assert.deepEqual([slot, version], [before.slot, before.version], was)
      assert.match(state, cut.says, was)
      break
    default:
      cut.leaves satisfies never
  }
  return was
}

const other = (slot: string): string => (slot === 'A' ? 'B' : 'A')

/** The first bundle that is newer than what runs. Versions of this test have the same form, so letters compare as they do. */
function nextGood({ good }: Bundles, version: string): string {
  const index = good.findIndex((one) => one > version)
  if (index < 0) throw new Error(`No bundle is left that is newer than ${version}: more must be made (goodBundles).`)
  return `good-${index + 1}`
}
const versionOf = ({ good }: Bundles, name: string): string => good[Number(name.replace('good-', '')) - 1] ?? ''

async function main(): Promise<void> {
  const from = parts.indexOf(values.from as Part)
  if (from < 0) throw new Error(`--from: one of ${parts.join(', ')}.`)
  const folder = values.folder === undefined ? mkdtempSync(join(tmpdir(), 'outpost-update-test-')) : resolve(values.folder)
  const bench = await benchIn(folder)
  const machine = new Machine('x64', bench.disk, { stick: bench.bundles.stick })
  const box = new Box(machine)
  try {
    await machine.start()
    await box.settled()
    for (const part of parts.slice(from)) await deeds[part](box, bench, new Said(folder))
  } catch (error) {
    const log = 'cat /run/outpost-update/status.json; journalctl -b --no-pager -o cat -u outpost-update -u outpost-good -u rauc | tail -40'
    say((await machine.probe.try(log, 60).catch(() => undefined))?.out ?? machine.console.slice(-2000))
    throw error
  } finally {
    await machine.remove()
    if (values.folder === undefined) rmSync(folder, { recursive: true, force: true })
  }
}

try {
  await main()
} catch (error) {
  say(`FAILED ${error instanceof Error ? error.stack : error}`)
  process.exitCode = 1
}
say(`${passed} passed, ${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
