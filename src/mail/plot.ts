import { crc32, deflateSync } from 'node:zlib'

/**
 * Plot: the values of the last day, as a line of text or as a small picture. Pure: the same trail is the same octets (in one version of Node, whose zlib packs it).
 */
export type Trail = readonly (readonly [agoS: number, value: number])[]

const dayS = 86_400
const ramp = '_.-=+*#'
const columns = 32

/** The day in 32 columns of ASCII, low to high `_.-=+*#`; a blank where nothing was heard. */
export function sparkline(trail: Trail): string {
  const { low, high } = rangeOf(trail)
  const cells: (number | undefined)[] = Array.from({ length: columns }, () => undefined)
  for (const [ago, value] of trail) cells[columnOf(ago, columns)] = value
  const last = ramp.length - 1
  return cells
    .map((value) => (value === undefined ? ' ' : (ramp[high === low ? 0 : Math.round(((value - low) / (high - low)) * last)] ?? ' ')))
    .join('')
    .trimStart()
}

export function rangeOf(trail: Trail): { low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const [, value] of trail) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  return { low, high }
}

const columnOf = (agoS: number, count: number): number => Math.min(count - 1, Math.max(0, Math.floor((1 - agoS / dayS) * count)))

export const plotSize = { width: 320, height: 80 }
/** 0 clear, 1 the line, 2 the frame: colours that can be seen on light and on dark. */
const palette = [0, 0, 0, 0x2b, 0x7d, 0xe9, 0x8a, 0x8f, 0x98]
const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/** A PNG (W3C) of 320 by 80 with four colours: the last day from left to right, its lowest and highest value at the edges. */
export function plotPng(trail: Trail): Uint8Array {
  const { width, height } = plotSize
  const dots = new Uint8Array(width * height)
  for (let x = 0; x < width; x++) dots[(height - 1) * width + x] = 2
  draw(dots, trail)
  const rows = new Uint8Array((width / 4 + 1) * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * (width / 4 + 1) + 1 + (x >> 2)
      rows[at] = (rows[at] ?? 0) | ((dots[y * width + x] ?? 0) << (6 - 2 * (x & 3)))
    }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([2, 3, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from(signature),
    chunk('IHDR', head),
    chunk('PLTE', Buffer.from(palette)),
    chunk('tRNS', Buffer.of(0)),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(name: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  out.set(body, 4)
  out.writeUInt32BE(crc32(body), body.length + 4)
  return out
}

/** A line of two dots from value to value. */
function draw(dots: Uint8Array, trail: Trail): void {
  const { width, height } = plotSize
  const { low, high } = rangeOf(trail)
  const points = trail.map(([ago, value]): [number, number] => [
    columnOf(ago, width),
    high === low ? Math.floor(height / 2) : 2 + Math.round((1 - (value - low) / (high - low)) * (height - 6)),
  ])
  const dot = (x: number, y: number) => {
    for (const [dx, dy] of [
      [0, 0],
      [0, 1],
    ] as const)
      if (x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height) dots[(y + dy) * width + x + dx] = 1
  }
  for (const [index, [x, y]] of points.entries()) {
    const [fromX, fromY] = points[index - 1] ?? [x, y]
    const steps = Math.max(1, Math.abs(x - fromX), Math.abs(y - fromY))
    for (let step = 0; step <= steps; step++)
      dot(Math.round(fromX + ((x - fromX) * step) / steps), Math.round(fromY + ((y - fromY) * step) / steps))
  }
}
