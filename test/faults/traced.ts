import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'

/**
 * Traced: a program under strace, with an error put into one of its system calls, and what it asked of the disk. strace counts calls by thread, so
 * libuv gets one; and only calls that touch one of `paths` are seen and counted.
 */
export type Call = {
  name: string
  path: string
  to?: string
  emptied: boolean
  offset: number
  bytes: number
  ok: boolean
  injected: boolean
}

export type Injection = {
  call: string
  error: 'EIO' | 'ENOSPC'
  /** The nth such call; `after`: and every later one. */
  nth: number
  after: boolean
}

export type Traced = { status: number | null; stderr: string; calls: Call[] }

/** Whatever writes or promises something, under all its names. */
export const writingCalls = [
  ...['mkdir', 'mkdirat', 'write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'copy_file_range', 'truncate', 'ftruncate', 'fallocate'],
  ...['fdatasync', 'fsync', 'sync_file_range', 'msync', 'rename', 'renameat', 'renameat2', 'link', 'linkat'],
]
const otherCalls = ['openat', 'close', 'fchmod', 'unlink', 'unlinkat', 'read', 'pread64', 'statx', 'statfs', 'getdents64']
const runMs = 60_000

export function trace(
  dir: string,
  paths: readonly string[],
  injection: Injection | undefined,
  command: readonly string[],
): Promise<Traced> {
  mkdirSync(`${dir}/trace`)
  const args = [
    '--seccomp-bpf',
    '-ff',
    '-qq',
    '-y',
    '-s',
    '0',
    '-o',
    `${dir}/trace/t`,
    '-e',
    `trace=${[...writingCalls, ...otherCalls].join(',')}`,
  ]
  for (const path of paths) args.push('-P', path)
  if (injection) {
    const { call, error, nth, after } = injection
    args.push('-e', `inject=${call}:error=${error}:when=${nth}${after ? '+' : ''}`)
  }
  return ended('strace', [...args, ...command], {}).then((end) => ({ ...end, calls: callsIn(`${dir}/trace`) }))
}

/** Runs it with one thread for the disk. */
export function ended(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ status: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, UV_THREADPOOL_SIZE: '1', ...env } })
    let stderr = ''
    child.stderr.on('data', (bytes) => {
      stderr += bytes
    })
    const late = setTimeout(() => child.kill('SIGKILL'), runMs)
    child.once('close', (status) => {
      clearTimeout(late)
      resolve({ status, stderr })
    })
  })
}

/** One thread makes them all, or their order could not be told. */
function callsIn(dir: string): Call[] {
  const threads = readdirSync(dir)
    .map((name) => readFileSync(`${dir}/${name}`, 'utf8').split('\n').flatMap(callIn))
    .filter((calls) => calls.length > 0)
  assert.ok(threads.length <= 1, `${threads.length} threads touched the files`)
  return threads[0] ?? []
}

/** `pwrite64(21</d/000001.seg>, ""..., 874, 7105) = -1 EIO (Input/output error) (INJECTED)` */
function callIn(line: string): Call[] {
  const found = /^(\w+)\((.*)\)\s+= (-?\d+)(.*)$/.exec(line)
  if (!found) return []
  const [, name = '', args = '', result = '', rest = ''] = found
  const texts = [...args.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '')
  const ok = Number(result) >= 0
  const [asked = 0, offset = 0] = (/\.\.\., (\d+)(?:, (\d+))?$/.exec(args) ?? []).slice(1).map((text) => Number(text ?? 0))
  return [
    {
      name,
      path: /^\d+<([^>]*)>/.exec(args)?.[1] ?? texts[0] ?? '',
      emptied: args.includes('O_TRUNC'),
      offset,
      bytes: ok && name.includes('write') ? Number(result) : asked,
      ok,
      injected: rest.includes('(INJECTED)'),
      ...(name === 'rename' && texts[1] !== undefined ? { to: texts[1] } : {}),
    },
  ]
}
