import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { resolve as resolvePath } from 'node:path'
import {
  type LineSettings,
  type Serial,
  SerialError,
  type SerialEvents,
  type SerialHolder,
  type SerialLine,
  type SerialLook,
  type SerialPortFacts,
} from '../serial.ts'

/** The Serial port over the `serialport` package, which is loaded when the first line is opened. */
const byIdDir = '/dev/serial/by-id'
const drainMs = 5000

export class NodeSerial implements Serial {
  async open(line: LineSettings, on: SerialEvents): Promise<SerialLine> {
    const { SerialPort } = await import('serialport')
    const { path, baudRate, dataBits, parity, stopBits, flow } = line
    const port = new SerialPort({
      path,
      baudRate,
      dataBits,
      parity,
      stopBits,
      rtscts: flow === 'rts-cts',
      xon: flow === 'xon-xoff',
      xoff: flow === 'xon-xoff',
      lock: true,
      autoOpen: false,
    })
    await new Promise<void>((done, failed) => port.open((error) => (error ? failed(serialError(path, error)) : done())))
    let open = true
    const lost = (why: string) => {
      if (!open) return
      open = false
      if (port.isOpen) port.close(() => {})
      on.closed(why)
    }
    port.on('data', (bytes: Buffer) => open && on.data(bytes))
    port.on('error', (error: Error) => lost(error.message))
    port.on('close', (error: Error | null) => lost(error?.message ?? 'the line was closed'))
    return {
      write: (bytes) =>
        new Promise((done, failed) => {
          if (!open) return failed(new SerialError(`${path} is gone`, 'EIO'))
          const timer = setTimeout(() => failed(new SerialError(`${path} takes no octets`, 'ETIMEDOUT')), drainMs)
          const end = (error?: Error | null) => {
            clearTimeout(timer)
            if (error) failed(serialError(path, error))
            else done()
          }
          port.write(Buffer.from(bytes), (error) => (error ? end(error) : port.drain(end)))
        }),
      close: () =>
        new Promise((done) => {
          open = false
          if (port.isOpen) port.close(() => done())
          else done()
        }),
    }
  }

  async list(): Promise<SerialPortFacts[]> {
    const names = await readdir(byIdDir).catch(() => [])
    return Promise.all(
      names.map(async (name) => ({ path: resolvePath(byIdDir, await readlink(`${byIdDir}/${name}`)), byId: `${byIdDir}/${name}` })),
    )
  }

  async look(path: string): Promise<SerialLook> {
    try {
      const real = await realpath(path)
      if (!(await stat(real)).isCharacterDevice()) return { kind: 'no-line' }
      return { kind: 'line', path: real, heldBy: await holdersOf(real) }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'EIO'
      if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' }
      throw new SerialError(`${path}: ${(error as Error).message}`, code, { cause: error })
    }
  }
}

/** Other processes that have it open, as far as this user may look (root sees all). */
async function holdersOf(path: string): Promise<SerialHolder[]> {
  const held: SerialHolder[] = []
  for (const name of await readdir('/proc').catch(() => [])) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')) !== path) continue
      held.push({ pid, name: (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() })
      break
    }
  }
  return held
}

/** The package puts the errno into its message: "Error: No such file or directory, cannot open /dev/x". */
function serialError(path: string, error: Error): SerialError {
  const code = /No such file/i.test(error.message)
    ? 'ENOENT'
    : /Permission/i.test(error.message)
      ? 'EACCES'
      : /lock|busy/i.test(error.message)
        ? 'EBUSY'
        : 'EIO'
  const hint = {
    ENOENT: 'no such device',
    EACCES: 'not allowed: put the user of the gateway into the group dialout',
    EBUSY: 'somebody else uses it',
    EIO: error.message,
  }[code]
  return new SerialError(`${path}: ${hint}`, code, { cause: error })
}
