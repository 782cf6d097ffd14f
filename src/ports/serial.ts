/** Serial: one line to one device. Opening again after a loss is the source's business, not the port's. */
export type LineSettings = {
  path: string
  baudRate: number
  dataBits: 5 | 6 | 7 | 8
  parity: 'none' | 'even' | 'odd' | 'mark' | 'space'
  stopBits: 1 | 1.5 | 2
  flow: 'none' | 'rts-cts' | 'xon-xoff'
}

export interface SerialLine {
  /** Resolves when the octets have left the process. Rejects with SerialError when the line is gone. */
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

export type SerialEvents = {
  data(bytes: Uint8Array): void
  /** Once, when the line is lost (unplugged, I/O error). Not after `close`. */
  closed(why: string): void
}

export type SerialPortFacts = { path: string; byId?: string; manufacturer?: string; serialNumber?: string }

/** What can be said of a path without opening it. `line` is a character device, which nobody but `heldBy` has open as far as this user may see. */
export type SerialLook = { kind: 'missing' } | { kind: 'no-line' } | { kind: 'line'; path: string; heldBy: SerialHolder[] }

/** A process that has a line open. */
export type SerialHolder = { pid: number; name: string }

export interface Serial {
  /** Rejects with SerialError: code ENOENT (no such device), EACCES, EBUSY … */
  open(line: LineSettings, on: SerialEvents): Promise<SerialLine>
  /** Lines of this machine; by-id names where the system has them. Empty when it cannot be told. */
  list(): Promise<SerialPortFacts[]>
  /** Leaves the line alone: opening it would take octets from whoever has it, and resets many a device. Rejects with SerialError. */
  look(path: string): Promise<SerialLook>
}

export class SerialError extends Error {
  override name = 'SerialError'
  readonly code: string
  constructor(message: string, code: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
