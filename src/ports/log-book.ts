/** Log book: the newest lines of the log, as they were written: masked, and JSON whatever the terminal shows. */
const linesLimit = 500

export class LogBook {
  readonly #lines: string[] = []
  readonly #readers = new Set<(line: string) => void>()

  write(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length > linesLimit) this.#lines.shift()
    for (const reader of this.#readers) reader(line)
  }

  /** Who comes next is somebody else. */
  clear(): void {
    this.#lines.length = 0
  }

  /** Oldest first. */
  get lines(): readonly string[] {
    return this.#lines
  }

  /** Tells of each further line until the returned function is called. */
  follow(reader: (line: string) => void): () => void {
    this.#readers.add(reader)
    return () => void this.#readers.delete(reader)
  }
}
