import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { runBeside } from '../peers/process.ts'

/** The heap that the gateway has on a device. */
const flags =
  readFileSync(new URL('../../bin/outpost', import.meta.url), 'utf8')
    .match(/^exec .*/m)?.[0]
    .match(/--[a-z0-9-]+(?:=[^\s"]+|="\$\{OUTPOST_HEAP_MIB:-\d+\}")?/g)
    ?.map((flag) => flag.replace(/"\$\{OUTPOST_HEAP_MIB:-(\d+)\}"/, '$1')) ?? []
const life = new URL('large.ts', import.meta.url).pathname

/** Writes a mail of this piece, again and again, into a mailbox, and reads it, in a process of its own. */
async function through(size: number, head: string, piece: string): Promise<{ bytes: number; exported: number; sent: number; top: number }> {
  const dir = mkdtempSync(`${tmpdir()}/outpost-large-`)
  try {
    return JSON.parse(await runBeside(process.execPath, [...flags, life, dir, String(size), head, piece], '', 120_000))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const head = String.raw`Subject: x\r\n\r\n`
const MB = 1_000_000
const bodies: [what: string, size: number, head: string, piece: string][] = [
  ['line ends', 10 * MB, head, String.raw`\r\n`],
  ['line ends', 15 * MB, head, String.raw`\r\n`],
  ['LFs alone', 10 * MB, head, String.raw`\n`],
  ['LFs alone', 15 * MB, head, String.raw`\n`],
  ['dots at the beginning of lines', 10 * MB, head, String.raw`.\r\n`],
  ['dots at the beginning of lines', 15 * MB, head, String.raw`.\r\n`],
  ['lines that begin with From', 15 * MB, head, String.raw`From \r\n`],
  ['white space', 15 * MB, head, String.raw` \t`],
  ['header fields', 15 * MB, '', String.raw`a:\r\n`],
  ['one header field in lines', 15 * MB, String.raw`a:\r\n`, String.raw` \r\n`],
  ['recipients', 15 * MB, '', String.raw`to:\r\n`],
]

test('the flags are those of the gateway', () => assert.ok(flags.includes('--max-old-space-size=128') && flags.length >= 4, String(flags)))

for (const [what, size, first, piece] of bodies)
  test(`resource exhaustion (CWE-400): a mail of ${size / MB} MB of ${what} is passed on, delivered, listed and read`, async () => {
    const { bytes, sent, exported, top } = await through(size, first, piece)
    assert.ok(bytes >= size && sent >= bytes && exported > bytes / 3 && top > 0)
  })
