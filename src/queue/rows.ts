/**
 * Rows: the store of what waits, a column a fact, so that 100,000 letters fit a small box (about 60 octets each). Rows stand in the order of their ids once
 * they are sorted; one that is gone leaves a hole, and holes are closed when half are holes. What the facts mean is not known here.
 */
export type Columns = ReturnType<typeof allocate>

/** The bit of `flags` that marks a hole. */
export const goneFlag = 1
const firstRows = 256

export class Rows {
  columns: Columns = allocate(firstRows)
  /** How many there are, holes among them. */
  count = 0
  #gone = 0
  #sorted = true
  /** Rows that stand in order from the first on. */
  #prefix = 0
  #groups: (readonly string[])[] = []
  #groupOf = new Map<string, number>()
  /** Rows that came out of order while replaying; empty once sorted. */
  #stray = new Map<number, number>()

  get size(): number {
    return this.count - this.#gone
  }

  /** A row of its own for this id, all else 0, that waits for each of `to`. */
  append(id: number, to: readonly string[]): number {
    if (this.count === this.columns.id.length) this.#resize(this.count * 2)
    const row = this.count++
    const c = this.columns
    if (row > 0 && id < (c.id[row - 1] ?? 0)) this.#sorted = false
    if (this.#sorted) this.#prefix = this.count
    else this.#stray.set(id, row)
    for (const name of names) c[name][row] = 0
    c.id[row] = id
    c.group[row] = this.#group(to)
    c.pending[row] = to.length >= recipientsLimit ? 0xffffffff : 2 ** to.length - 1
    return row
  }

  /** -1 when there is none. */
  find(id: number): number {
    const stray = this.#stray.get(id)
    if (stray !== undefined) return stray
    const ids = this.columns.id
    let low = 0
    let high = this.#prefix - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const at = ids[middle] ?? 0
      if (at === id) return this.isGone(middle) ? -1 : middle
      if (at < id) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  isGone(row: number): boolean {
    return ((this.columns.flags[row] ?? 0) & goneFlag) !== 0
  }

  /** Rows may stand elsewhere afterwards. */
  drop(row: number): void {
    this.columns.flags[row] = goneFlag
    this.#gone++
    this.#stray.delete(this.columns.id[row] ?? 0)
    if (this.#gone > firstRows && this.#gone > this.count / 2) this.#rebuild()
  }

  /** From here on rows stand in the order of their ids. */
  sort(): void {
    if (!this.#sorted) this.#rebuild()
  }

  /** All recipients of a row. */
  recipients(row: number): readonly string[] {
    return this.#groups[this.columns.group[row] ?? 0] ?? []
  }

  /** Those that are not settled. */
  pending(row: number): string[] {
    const pending = this.columns.pending[row] ?? 0
    return this.recipients(row).filter((_, index) => (pending & (1 << index)) !== 0)
  }

  /** Whether one that is not settled is such. */
  somePending(row: number, matches: (ref: string) => boolean): boolean {
    const pending = this.columns.pending[row] ?? 0
    return this.recipients(row).some((ref, index) => (pending & (1 << index)) !== 0 && matches(ref))
  }

  #group(to: readonly string[]): number {
    const name = to.join('\n')
    const known = this.#groupOf.get(name)
    if (known !== undefined) return known
    this.#groups.push([...to])
    this.#groupOf.set(name, this.#groups.length - 1)
    return this.#groups.length - 1
  }

  #rebuild(): void {
    const old = this.columns
    const rows: number[] = []
    for (let row = 0; row < this.count; row++) if (!this.isGone(row)) rows.push(row)
    if (!this.#sorted) rows.sort((a, b) => (old.id[a] ?? 0) - (old.id[b] ?? 0))
    this.columns = allocate(Math.max(firstRows, rows.length * 2))
    for (const name of names) for (const [to, from] of rows.entries()) this.columns[name][to] = old[name][from] ?? 0
    this.count = rows.length
    this.#gone = 0
    this.#prefix = rows.length
    this.#sorted = true
    this.#stray.clear()
    this.#regroup()
  }

  /** Lists of recipients that no letter uses any more are forgotten, or years of `outpost send` would pile them up. */
  #regroup(): void {
    const groups = this.#groups
    this.#groups = []
    this.#groupOf.clear()
    for (let row = 0; row < this.count; row++) this.columns.group[row] = this.#group(groups[this.columns.group[row] ?? 0] ?? [])
  }

  #resize(rows: number): void {
    const old = this.columns
    this.columns = allocate(rows)
    for (const name of names) this.columns[name].set(old[name])
  }
}

/** Recipients of one letter: `pending` is 32 bits. */
const recipientsLimit = 32

const allocate = (rows: number) => ({
  id: new Float64Array(rows),
  segment: new Uint32Array(rows),
  offset: new Uint32Array(rows),
  bytes: new Uint32Array(rows),
  pending: new Uint32Array(rows),
  group: new Uint32Array(rows),
  topic: new Uint32Array(rows),
  nextTry: new Float64Array(rows),
  accepted: new Float64Array(rows),
  rank: new Uint8Array(rows),
  attempts: new Uint8Array(rows),
  lane: new Uint8Array(rows),
  flags: new Uint16Array(rows),
  octets: new Uint32Array(rows),
})

const names = Object.keys(allocate(0)) as (keyof Columns)[]
