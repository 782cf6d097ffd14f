import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readBoard } from '../../firmware-host/image/board.ts'
import { PlainRelay } from '../peers/plain-relay.ts'
import { clock } from './clock.ts'
import { freePort, type Kind, Machine } from './machine.ts'
import { Owner } from './owner.ts'
import { credentialSecret, type Probe } from './probe.ts'
import { flash, lay, names, provisioning, read, secret } from './provision.ts'
import { radio } from './radio.ts'
import { type PiFacts, PiImage } from './raspberry-pi.ts'
import { SerialLine } from './serial-line.ts'
import { until } from './until.ts'

/**
 * The image, booted: `npm run test:image` builds the one for x86-64 and lives through what a box lives through, in an emulator without hardware help, so it takes a quarter of an hour and no
 * part of the machine. --board qemu-virt-arm64: the other architecture, serial line to mail alone. --board raspberry-pi-3b-plus: what is on the card. --image FILE.img: one that is built already. --idle-minutes N: how long to count what is written while nothing happens (2); an hour of it is no part of the quarter of an hour.
 * It is no part of `npm test`: it wants root (the image's root belongs to root), QEMU and UEFI firmware (firmware-host/README.md).
 */
const root = resolve(import.meta.dirname, '../..')
const { values } = parseArgs({
  options: {
    board: { type: 'string', default: 'generic-x86-64' },
    image: { type: 'string' },
    'idle-minutes': { type: 'string', default: '2' },
  },
})
const kind: Kind = values.board === 'qemu-virt-arm64' ? 'arm64' : 'x64'
const whole = kind === 'x64'
const linePath = kind === 'x64' ? '/dev/ttyS1' : '/dev/ttyS0'
/** Under emulation, with others at work. */
const bootSeconds = 900
const diskBytes = 3 * 1024 ** 3
const alerts = 200
/** What a box may write that has nothing to write: the end of what came before, the time of the clock twice an hour. */
const idleBytes = (minutes: number): number => 65_536 + minutes * 4096

const began = performance.now()
let passed = 0
let failed = 0

/** One thing that must be so. What comes after it is not tried when it is not. */
async function check(sentence: string, deed: () => Promise<unknown>): Promise<void> {
  const from = performance.now()
  try {
    const figure = await deed()
    passed += 1
    say(`ok     ${sentence}${figure === undefined ? '' : `: ${figure}`}  (${((performance.now() - from) / 1000).toFixed(0)} s)`)
  } catch (error) {
    failed += 1
    say(`FAILED ${sentence}\n${error instanceof Error ? error.message : error}`)
    say(await diagnosis().catch((why) => `Nothing more can be told: ${why}`))
    throw error
  }
}
/** Set once there is a machine that can be asked. */
let diagnosis: () => Promise<string> = async () => ''
const say = (words: string): void => void process.stdout.write(`${words}\n`)

function build(): string {
  if (values.image !== undefined) return resolve(values.image)
  const out = join(root, 'build', `test-${values.board}.img.zst`)
  const done = spawnSync(process.execPath, [join(root, 'firmware-host/image/build.ts'), '--board', values.board, '--out', out], {
    stdio: 'inherit',
  })
  if (done.status !== 0) throw new Error('The image was not built.')
  return out.replace(/\.zst$/, '')
}

/** A Raspberry Pi's image is looked at; QEMU's raspi3b starts what the firmware would start. */
async function piMain(image: string, facts: PiFacts): Promise<void> {
  const pi = new PiImage(image, facts)
  await check("the start partition has the boot ROM's program, the choice of the slot and the example", async () => pi.checkStart())
  await check('the boot slot has firmware, config.txt, kernel, initramfs and device tree', async () => pi.checkBootSlot())
  await check('each overlay fits the device tree', async () => pi.checkOverlays())
  await check('root A is squashfs, root B is empty', async () => pi.checkRoots())
  const stages = /Started .*outpost\.service/
  await check("QEMU's raspi3b starts kernel, initramfs, root and gateway", () => pi.boot(900, stages))
  if (facts.wifi)
    await radio(image, pi, check, (told) => {
      diagnosis = told
    })
}

async function main(): Promise<void> {
  const facts = await readBoard(root, values.board)
  const image = build()
  if (facts.boot.recipe === 'raspberry-pi') return piMain(image, facts as PiFacts)
  const folder = mkdtempSync(join(tmpdir(), 'outpost-image-test-'))
  const disk = join(folder, 'disk.img')
  const relayPort = await freePort()
  flash(image, disk, diskBytes)
  lay(disk, 'outpost.json', JSON.stringify(provisioning(linePath, relayPort)))
  const machine = new Machine(kind, disk)
  let relay = new PlainRelay()
  await relay.start(relayPort)
  const letters = (): string => relay.letters.map(({ content }) => content).join('\n')
  diagnosis = async () =>
    (
      await machine.probe.try(
        'cat /boot/firmware/outpost-result.txt; systemctl --failed --no-legend; ls -l /dev/ttyS*; journalctl -b -u outpost -u outpost-first-boot -p 6 --no-pager -o cat | tail -40',
        120,
      )
    ).out
  try {
    await machine.start()
    await check('from power to READY in the emulator', async () => `${await machine.ready(bootSeconds)} s`)
    const { probe } = machine
    const line = new SerialLine(machine.line)
    await check('a line on the serial port is acknowledged, and arrives as mail at a server on the loopback of the host', async () => {
      await until('the line is open', 60, () => line.say('Door open token-first', 10))
      await until('the mail arrives', 120, () => letters().includes('token-first'))
    })
    if (whole) {
      await check('the start of the system was without a failure', async () => {
        await started(probe)
        assert.equal((await probe.run('systemctl --failed --no-legend --plain')).trim(), '')
        return (await probe.run('systemd-analyze time')).split('\n')[0]
      })
      await check('the provisioning file was taken once, and its secrets are gone from the start partition', async () => {
        const listed = await probe.run('ls /boot/firmware; cat /boot/firmware/outpost-result.txt /boot/firmware/outpost.taken.json')
        assert.match(listed, /outpost\.json was taken/)
        assert.doesNotMatch(listed, /^outpost\.json$/m)
        assert.equal(listed.includes(secret), false)
        assert.match(await probe.run('cat /var/lib/outpost/secrets.json'), new RegExp(secret))
        assert.match(await probe.run('cat /var/lib/outpost/settings.json'), /Europe\/Berlin/)
        assert.match(await probe.run('cat /run/systemd/network/50-wired.network'), /NTP=192\.0\.2\.123/)
      })
      await check('the data partition has grown to the disk', async () => {
        const blocks = Number(await probe.run('findmnt -bno SIZE /var/lib'))
        assert.ok(blocks > 1.5 * 1024 ** 3, `${blocks} octets`)
      })
      const code = await claimCode(machine)
      await check('console and label tell the claim code; no journal does', async () => {
        assert.match(machine.console, /^█ █▀▀▀█ █/m, 'the corner of a QR code')
        assert.match(await probe.run('cat /boot/firmware/outpost-label.txt'), new RegExp(code))
        assert.equal((await probe.run('journalctl -b --no-pager')).includes(code), false)
      })
      await check('console and label name the address without a port, and port 80 leads to the page', async () => {
        const address = new RegExp(`^ *http://${await probe.run('hostname')}\\.local/\\r?$`, 'm')
        assert.match(await probe.run('cat /boot/firmware/outpost-label.txt'), address)
        await until('the console tells where else', 120, () => /It is also at:\s+\S+\s/.test(machine.console))
        assert.match(machine.console, address)
        assert.match(machine.console, /It is also at:\s+http:\/\/10\.0\.2\.15\/\r?\n/)
        assert.doesNotMatch(machine.console, /:8080/)
        const page = await fetch(`http://127.0.0.1:${machine.webPort}/`, { signal: AbortSignal.timeout(20_000) })
        assert.match(await page.text(), /<title>/)
      })
      const owner = new Owner(machine)
      await check('the page is claimed through a forwarded port', async () => {
        const claim = (body: unknown) => owner.post('/api/claim', body)
        const wrong = await claim({ code: 'ABCD-2345', password: 'correct horse battery' })
        assert.equal(wrong.status, 401)
        await wrong.body?.cancel()
        const right = await claim({ code, password: 'correct horse battery' })
        assert.ok(right.ok, `${right.status} ${await right.text()}`)
        await until(
          'label and console text are gone',
          60,
          async () =>
            (await probe.try('ls /run/outpost-host/console /boot/firmware/outpost-label.svg')).out.split('No such file').length === 3,
        )
      })
      await check('the slot was marked good once the gateway was ready', async () => {
        await until('it is marked', 120, async () =>
          /^A_TRY=0$/m.test(await probe.run('grub-editenv /boot/firmware/EFI/BOOT/grubenv list')),
        )
        return (await probe.run('rauc status --output-format=shell | grep -E "BOOTED|PRIMARY"')).replaceAll('\n', ' ')
      })
      await check('a credential of the service manager reaches the gateway and nobody else', async () => {
        assert.equal(await probe.run('cat /run/credentials/outpost.service/outpost.relay'), credentialSecret)
        assert.match(await probe.run('stat -c "%a" /run/credentials/outpost.service/outpost.relay'), /^4[04]0$/)
      })
      await check('the gateway stops on SIGTERM inside the limit of its unit', async () => {
        const out = await probe.run(
          'p=$(systemctl show -P MainPID outpost); a=$(cut -d" " -f1 /proc/uptime); kill -TERM $p; while [ -d /proc/$p ]; do sleep 0.1; done; echo "$a $(cut -d" " -f1 /proc/uptime)"',
          60,
        )
        const [asked = 0, gone = 0] = out.split(' ').map(Number)
        assert.ok(gone - asked < 20, out)
        await until('systemd has noticed', 30, async () =>
          (await probe.run('journalctl -b -u outpost -o cat --no-pager')).includes('outpost.service: Deactivated successfully.'),
        )
        const took = `${(gone - asked).toFixed(1)} s of 20 s`
        await machine.ready(180)
        return took
      })
      await clock(machine, owner, check, () => line.say('The clock was set', 20))
      await check('devices whose mail goes to port 25 are answered by the gateway, which has no right', async () => {
        const greeting = `require('net').connect(25, '127.0.0.1').once('data', (octets) => { console.log(String(octets)); process.exit() })`
        assert.match(await probe.run(`/usr/lib/outpost/bin/node -e "${greeting}"`, 60), /^220 .*ESMTP/)
        assert.match(await probe.run('grep CapEff /proc/$(systemctl show -P MainPID outpost)/status'), /0{16}/)
      })
      await check('the root cannot be written', async () => {
        assert.match(await probe.run('findmnt -no FSTYPE,OPTIONS /'), /^squashfs\s+ro/)
        assert.notEqual((await probe.try('touch /etc/x /usr/x')).code, 0)
        assert.notEqual((await probe.try('mount -o remount,rw / && touch /etc/x')).code, 0)
      })
      await check('nobody can log in', async () => {
        assert.doesNotMatch(await probe.run('cut -d: -f2 /etc/shadow | sort -u'), /^(?!!\*)/m)
        assert.equal(await probe.run('systemctl list-units --plain --no-legend "*getty*.service" "*ssh*" "systemd-logind*"'), '')
      })
      await check('the running unit is exposed at most 2.0', async () => {
        const words = await probe.run('systemd-analyze security --no-pager outpost.service', 120)
        const score = /exposure level for outpost\.service: ([\d.]+)/.exec(words)?.[1]
        assert.ok(Number(score) <= 2, words)
        return score
      })
      await check("a port that is not the gateway's is not reached from outside", async () => {
        await probe.run(
          `systemd-run --quiet --unit=stray /usr/lib/outpost/bin/node -e 'require("http").createServer((q,r)=>r.end("stray")).listen(9999)' && sleep 5 && systemctl is-active stray`,
        )
        await assert.rejects(fetch(`http://127.0.0.1:${machine.strayPort}/`, { signal: AbortSignal.timeout(8000) }))
        await probe.run('nft add rule inet outpost input tcp dport 9999 accept')
        const open = await fetch(`http://127.0.0.1:${machine.strayPort}/`, { signal: AbortSignal.timeout(20_000) })
        assert.equal(await open.text(), 'stray', 'with a rule of its own it is: so it was the firewall')
        await probe.run('nft -f /etc/nftables.conf; systemctl stop stray; systemctl restart outpost')
        await machine.ready(180)
      })
      const minutes = Number(values['idle-minutes'])
      await check(`a box to which nothing happens for ${minutes} minutes writes nearly nothing`, async () => {
        await probe.run('sync')
        const memory = await machine.memory()
        const before = await machine.monitor.written()
        await new Promise((done) => setTimeout(done, minutes * 60_000))
        const after = await machine.monitor.written()
        const [bytes, requests] = [after.bytes - before.bytes, after.requests - before.requests]
        assert.ok(bytes <= idleBytes(minutes), `${bytes} octets in ${requests} requests`)
        return `${bytes} octets in ${requests} requests; memory of the unit ${memory}, then ${await machine.memory()}`
      })
      await check('a gateway that stands still (SIGSTOP) is killed by its watchdog and starts anew', async () => {
        const restarts = Number(await probe.run('systemctl show -P NRestarts outpost'))
        await probe.run('kill -STOP $(systemctl show -P MainPID outpost)')
        await until('it was started anew', 240, async () => Number(await probe.run('systemctl show -P NRestarts outpost')) > restarts)
        assert.match(await probe.run('journalctl -b -u outpost --no-pager'), /Watchdog timeout/)
        await machine.ready(240)
      })
      line.close()
      await cutInTheMiddle(machine, relayPort, {
        stop: () => relay.stop(),
        start: async () => {
          relay = new PlainRelay()
          await relay.start(relayPort)
        },
        letters,
      })
      await check("the machine's watchdog bites when systemd stands still, and the box comes back", async () => {
        assert.equal(machine.monitor.bites, 0, 'it has not bitten before')
        const boot = await machine.probe.run('cat /proc/sys/kernel/random/boot_id')
        // PID 1 ignores SIGSTOP; after a crash it freezes and feeds nobody.
        await machine.probe.try('kill -SEGV 1', 10).catch(() => {})
        await until('another boot', bootSeconds, async () => {
          const id = await machine.probe.try('cat /proc/sys/kernel/random/boot_id', 5).catch(() => ({ out: boot, code: 1 }))
          return id.code === 0 && id.out !== boot
        })
        assert.equal(machine.monitor.bites, 1, 'the emulator says that it was its watchdog')
        await machine.ready(bootSeconds)
      })
    } else {
      await check('what the unit takes', async () => {
        await started(probe)
        return `${await machine.memory()}; ${(await probe.run('systemd-analyze time', 120)).split('\n')[0]}`
      })
      line.close()
    }
    await machine.cut()
    if (whole)
      await check('after the power was cut the start partition is whole', async () => {
        assert.match(names(disk), /outpost\.taken\.json/i)
        assert.equal(read(disk, 'outpost.taken.json').includes(secret), false)
      })
  } finally {
    await relay.stop()
    await machine.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The page answers before the last unit has started. */
const started = (probe: Probe): Promise<void> =>
  until('the system has started', 180, async () => /running|degraded/.test((await probe.try('systemctl is-system-running')).out))

/** Out of the machine's own file: what somebody before the screen would read. */
async function claimCode(machine: Machine): Promise<string> {
  await until('the console shows it', 120, () => /Claim code \S+/.test(machine.console))
  return /Claim code (\S+)/.exec(machine.console)?.[1] ?? ''
}

type Office = { stop(): Promise<void>; start(): Promise<void>; letters(): string }

async function cutInTheMiddle(machine: Machine, _port: number, office: Office): Promise<void> {
  const acknowledged: string[] = []
  await check(`the power goes in the middle of ${alerts} acknowledged alerts, with no mail server to be reached`, async () => {
    await office.stop()
    const line = new SerialLine(machine.line)
    const cutAt = Math.floor(alerts / 2)
    for (let number = 1; number <= alerts && machine.runs; number += 1) {
      const token = `token-${String(number).padStart(3, '0')}`
      const heard = line.say(`Alert ${token}`, 20)
      // Half of them are acknowledged, one is in the air.
      if (number === cutAt) void machine.cut()
      if (await heard) acknowledged.push(token)
    }
    line.close()
    await machine.cut()
    assert.ok(acknowledged.length >= cutAt - 1, `only ${acknowledged.length} were acknowledged`)
    return `${acknowledged.length} were acknowledged before`
  })
  await check('after the power is back every one of them arrives, and so do the others', async () => {
    await office.start()
    await machine.start()
    const seconds = await machine.ready(bootSeconds)
    const line = new SerialLine(machine.line)
    for (let number = acknowledged.length + 1; number <= alerts; number += 1) {
      const token = `token-${String(number).padStart(3, '0')}`
      await until(`${token} is acknowledged`, 60, () => line.say(`Alert ${token}`, 10))
      acknowledged.push(token)
    }
    line.close()
    const missing = () => acknowledged.filter((token) => !office.letters().includes(token))
    await until('all mail is there', 300, () => missing().length === 0).catch((error) => {
      throw new Error(`${error.message} Missing: ${missing().join(' ')}`)
    })
    return `${acknowledged.length} of ${alerts}, READY after ${seconds} s`
  })
}

if (!existsSync('/usr/share/OVMF') || readdirSync('/usr/share/OVMF').length === 0) {
  say('FAILED: UEFI firmware is missing. On Debian: apt-get install ovmf qemu-efi-aarch64 qemu-system-x86 qemu-system-arm')
  process.exit(1)
}
await main().catch((error) => {
  if (failed === 0) {
    failed += 1
    say(`FAILED ${error instanceof Error ? error.stack : error}`)
  }
})
say(`${passed} passed, ${failed} failed`)
say(`${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
process.exitCode = failed === 0 ? 0 : 1
