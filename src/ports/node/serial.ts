import { read } from 'node:fs'
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { resolve as resolvePath } from 'node:path'
import { promisify } from 'node:util'
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
    endAtHangUp(port as unknown as { port?: Binding }, path)
    let open = true
    const lost = (why: string) => {
      if (!open) return
      open = false
      if (port.isOpen) port.close(() => {})
      on.closed(why)
    }
    port.on('data', (bytes: Buffer) => open && on.data(bytes))
    port.on('error', (error: Error) => lost(error.message))
    port.on('close', (error: Error | null) => lost(lossOf(path, error)))
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

/** What the package reads through: an open terminal, and a look-out for when there is something to read. */
type Binding = {
  readonly fd: number | null
  readonly poller: { once(event: 'readable', call: (error: Error | null) => void): void }
  read(buffer: Buffer, offset: number, length: number): Promise<{ bytesRead: number; buffer: Buffer }>
}

const readSome = promisify(read)

/**
 * A read that gives nothing means that the line was hung up (termios(3): MIN is 1), as when an adapter is pulled out while octets flow. The
 * package reads again at once, for ever, and tells nobody; so it is given a read that knows the end.
 */
function endAtHangUp(port: { port?: Binding }, path: string): void {
  const binding = port.port
  if (!binding) return
  binding.read = async (buffer, offset, length) => {
    for (;;) {
      if (binding.fd === null) throw Object.assign(new Error('the line is closed'), { canceled: true })
      try {
        const { bytesRead } = await readSome(binding.fd, buffer, offset, length, null)
        if (bytesRead > 0) return { bytesRead, buffer }
      } catch (error) {
        if (!['EAGAIN', 'EWOULDBLOCK', 'EINTR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
        await new Promise<void>((readable, failed) => binding.poller.once('readable', (fault) => (fault ? failed(fault) : readable())))
        continue
      }
      throw new Error(hungUp(path))
    }
  }
}

const hungUp = (path: string): string => `${path} is gone: it was pulled out, or hung up`

/** A hang-up in a quiet moment comes from the package as EBADF, as if it were our mistake. */
function lossOf(path: string, error: Error | null): string {
  if (!error) return 'the line was closed'
  return /bad file descriptor/i.test(error.message) ? hungUp(path) : error.message
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
