import { connect, type Socket } from 'node:net'

/**
 * Probe: a root shell in the machine under test. The image has no way to log in, so the emulator hands systemd a unit more, as a credential in the SMBIOS tables (systemd-debug-generator(8));
 * whoever can do that to a real box has its firmware in hand. The shell speaks over a port that only the emulator has.
 */
export const probeName = 'outpost.probe'
const unit = 'outpost-probe.service'
const device = 'dev-virtio\\x2dports-outpost.probe.device'

const text = `[Unit]
DefaultDependencies=no
StartLimitIntervalSec=0
BindsTo=${device}
After=${device}
[Service]
ExecStart=/bin/sh
StandardInput=file:/dev/virtio-ports/${probeName}
StandardOutput=file:/dev/virtio-ports/${probeName}
StandardError=inherit
Restart=always
RestartSec=2
OOMScoreAdjust=-900
`
const wants = `[Unit]\nWants=${unit}\n`

const credential = (name: string, value: string): string => `io.systemd.credential.binary:${name}=${Buffer.from(value).toString('base64')}`

/** Values of `-smbios type=11`. */
/** A secret as a fleet would hand it to the service manager. */
export const credentialSecret = 'a-credential-of-the-test'

export const probeCredentials = [
  `io.systemd.credential:outpost.relay=${credentialSecret}`,
  credential(`systemd.extra-unit.${unit}`, text),
  credential('systemd.unit-dropin.sysinit.target', wants),
]

export class Probe {
  readonly #socket: Socket
  #heard = ''
  #wake: () => void = () => {}
  #count = 0

  constructor(path: string) {
    this.#socket = connect(path)
    this.#socket.setEncoding('utf8')
    this.#socket.on('data', (text) => {
      this.#heard = `${this.#heard}${text}`.slice(-200_000)
      this.#wake()
    })
    this.#socket.on('error', () => {})
  }

  /** Runs a line in the machine; resolves with what it printed. Rejects when it does not end with 0 within `seconds`. */
  async run(line: string, seconds = 60): Promise<string> {
    const { out, code } = await this.try(line, seconds)
    if (code !== 0) throw new Error(`In the machine: ${line}\nended with ${code}:\n${out}`)
    return out
  }

  async try(line: string, seconds = 60): Promise<{ out: string; code: number }> {
    this.#count += 1
    const [begin, end] = [`<begin ${this.#count}>`, `<end ${this.#count} `]
    this.#socket.write(`echo '${begin}'; ( ${line}\n) 2>&1 </dev/null; echo "${end}$?>"\n`)
    const late = Date.now() + seconds * 1000
    for (;;) {
      const from = this.#heard.lastIndexOf(begin)
      const to = from < 0 ? -1 : this.#heard.indexOf(end, from)
      const close = to < 0 ? -1 : this.#heard.indexOf('>', to + end.length)
      if (close >= 0)
        return { out: this.#heard.slice(from + begin.length, to).trim(), code: Number(this.#heard.slice(to + end.length, close)) }
      const left = late - Date.now()
      if (left <= 0) throw new Error(`In the machine: ${line}\nhas not ended after ${seconds} s; heard: ${this.#heard.slice(-300)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 1000))
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}
