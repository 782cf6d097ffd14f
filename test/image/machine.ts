import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Monitor } from './monitor.ts'
import { Probe, probeCredentials, probeName } from './probe.ts'
import { until } from './until.ts'

/** Machine: a computer in QEMU that boots an image, with a serial line, a watchdog and a network of its own whose only other host is this machine's loopback. */
export type Kind = 'x64' | 'arm64'

export type Extras = {
  /** What is plugged in beside it: a raw image that is only read. */
  stick?: string
  /** What its firmware starts, where the image has no boot loader for it. */
  kernel?: { image: string; initrd: string; words: string }
}

const firmware = {
  x64: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', vars: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  arm64: { code: '/usr/share/AAVMF/AAVMF_CODE.fd', vars: '/usr/share/AAVMF/AAVMF_VARS.fd' },
} as const

export class Machine {
  readonly kind: Kind
  readonly disk: string
  readonly dir = mkdtempSync(join(tmpdir(), 'outpost-machine-'))
  /** Ports of this machine that lead to 8080 of that one, to 80 and to 9999. */
  pagePort = 0
  webPort = 0
  strayPort = 0
  probe!: Probe
  monitor!: Monitor
  #child: ChildProcess | undefined
  #boots = 0

  readonly #extras: Extras

  /** `disk`: a raw image, which the machine writes to. */
  constructor(kind: Kind, disk: string, extras: Extras = {}) {
    this.kind = kind
    this.disk = disk
    this.#extras = extras
    copyFileSync(firmware[kind].vars, join(this.dir, 'vars.fd'))
  }

  get line(): string {
    return join(this.dir, 'line.sock')
  }

  /** What was written to the console since the power came. */
  get console(): string {
    const path = join(this.dir, `console-${this.#boots}.txt`)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Switches it on. */
  async start(): Promise<void> {
    this.#boots += 1
    // The same port may be free twice.
    while (new Set([this.pagePort, this.webPort, this.strayPort]).size < 3)
      [this.pagePort, this.webPort, this.strayPort] = [await freePort(), await freePort(), await freePort()]
    for (const name of ['probe.sock', 'line.sock', 'monitor.sock']) rmSync(join(this.dir, name), { force: true })
    const program = this.kind === 'x64' ? 'qemu-system-x86_64' : 'qemu-system-aarch64'
    const child = spawn(program, this.#arguments(), { stdio: ['ignore', 'ignore', 'pipe'] })
    let why = ''
    child.stderr?.on('data', (bytes) => {
      why = `${why}${bytes}`.slice(-2000)
    })
    child.on('error', (error) => {
      why = error.message
    })
    this.#child = child
    await until(`${program} listens`, 30, () => {
      if (!this.runs) throw new Error(`${program} ended: ${why}`)
      return ['probe.sock', 'line.sock', 'monitor.sock'].every((name) => existsSync(join(this.dir, name)))
    })
    this.probe = new Probe(join(this.dir, 'probe.sock'))
    this.monitor = new Monitor(join(this.dir, 'monitor.sock'))
  }

  #arguments(): string[] {
    const { code } = firmware[this.kind]
    const common = [
      ['-m', '1024'],
      // Emulated processors that wait for each other on one real one are slower than one.
      ['-smp', String(Math.min(2, availableParallelism()))],
      ['-accel', 'tcg,thread=multi,tb-size=512'],
      ['-drive', `if=pflash,format=raw,readonly=on,file=${code}`],
      ['-drive', `if=pflash,format=raw,file=${join(this.dir, 'vars.fd')}`],
      ['-drive', `file=${this.disk},format=raw,if=none,id=disk,cache=writeback`],
      ['-device', 'virtio-blk-pci,drive=disk,bootindex=0'],
      ['-device', 'i6300esb'],
      ['-action', 'watchdog=reset'],
      ['-netdev', ['user', 'id=net', ...this.#forwards()].join(',')],
      ['-device', 'virtio-net-pci,netdev=net,romfile='],
      ['-device', 'virtio-serial-pci'],
      ['-chardev', `socket,id=probe,path=${join(this.dir, 'probe.sock')},server=on,wait=off`],
      ['-device', `virtserialport,chardev=probe,name=${probeName}`],
      ['-chardev', `socket,id=line,path=${this.line},server=on,wait=off`],
      ['-smbios', `type=11,${probeCredentials.map((value) => `value=${value}`).join(',')}`],
      ['-serial', `file:${join(this.dir, `console-${this.#boots}.txt`)}`],
      ['-qmp', `unix:${join(this.dir, 'monitor.sock')},server=on,wait=off`],
      ['-display', 'none'],
    ]
    const own =
      this.kind === 'x64'
        ? [
            ['-machine', 'q35'],
            ['-cpu', 'max,-la57'],
            ['-serial', 'chardev:line'],
          ]
        : [
            ['-machine', 'virt'],
            ['-cpu', 'cortex-a72'],
            ['-device', 'pci-serial,chardev=line'],
          ]
    const { stick, kernel } = this.#extras
    if (stick !== undefined)
      own.push(['-drive', `file=${stick},format=raw,if=none,id=stick,readonly=on`], ['-device', 'virtio-blk-pci,drive=stick'])
    if (kernel) own.push(['-kernel', kernel.image], ['-initrd', kernel.initrd], ['-append', kernel.words])
    // The first serial port is the console, the second the line.
    return [...common, ...own].flat()
  }

  #forwards(): string[] {
    const leads = [
      [this.pagePort, 8080],
      [this.webPort, 80],
      [this.strayPort, 9999],
    ]
    return leads.map(([here, there]) => `hostfwd=tcp:127.0.0.1:${here}-:${there}`)
  }

  /** Resolves with seconds since the power came. */
  async ready(limitSeconds: number): Promise<number> {
    const began = Date.now()
    await until('the page answers', limitSeconds, () => this.healthy())
    return Math.round((Date.now() - began) / 1000)
  }

  /** MemoryCurrent of the gateway's unit: what its group of processes is charged for, caches of files included. RSS of the gateway beside it. */
  async memory(): Promise<string> {
    const out = await this.probe.run(
      'systemctl show -P MemoryCurrent outpost; awk "/^VmRSS/ { print \\$2 * 1024 }" /proc/$(systemctl show -P MainPID outpost)/status',
      120,
    )
    const [unit = 0, process = 0] = out.split('\n').map((line) => Math.round(Number(line) / 1e5) / 10)
    return `${unit} MB (RSS of the process ${process} MB)`
  }

  async healthy(): Promise<boolean> {
    if (!this.runs) throw new Error(`The machine has ended. Its console: ${this.console.slice(-2000)}`)
    try {
      const answer = await fetch(`http://127.0.0.1:${this.pagePort}/healthz`, { signal: AbortSignal.timeout(3000) })
      return answer.status === 200
    } catch {
      return false
    }
  }

  /** The power goes: nothing in the machine is told. */
  async cut(): Promise<void> {
    this.probe?.close()
    this.monitor?.close()
    const child = this.#child
    if (!child || !this.runs) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  async remove(): Promise<void> {
    await this.cut()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** A port of the loopback that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}
