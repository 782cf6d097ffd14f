import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * A Debian package that cannot be installed beside others: unpacked by `.ci/packages`, it is laid over the system for its own processes
 * only, in a mount namespace of theirs. They find their files where they were compiled to find them, and nobody else sees these.
 */
const unpacked = new URL('../../.ci/unpacked/', import.meta.url).pathname

/** Whether the package is there. In CI a missing one fails; elsewhere the test says that it is skipped. */
export function notUnpacked(...names: string[]): string | false {
  const gone = names.filter((name) => !existsSync(`${unpacked}${name}`))
  if (gone.length === 0) return false
  assert.ok(!process.env.CI, `in CI nothing is skipped, but ${gone.join(', ')} is not unpacked: .ci/run must do it`)
  return `${gone.join(', ')} is not unpacked: run .ci/packages`
}

export type Start = {
  name: string
  /** Its own folder, there under the same path. Standard output and error go to `log` in it. */
  dir: string
  /** Users that it needs, with their numbers. */
  users: Readonly<Record<string, number>>
  /** Files of `dir` that must lie elsewhere: where to, by name. */
  files: Readonly<Record<string, string>>
  command: readonly string[]
}

/** Runs a program of the package; stops with the child. Needs root and overlayfs. */
export function startUnpacked({ name, dir, users, files, command }: Start): ChildProcess {
  const entries = Object.entries(users)
  mkdirSync(`${dir}/layer/etc`, { recursive: true })
  const extended = (file: string, lines: string[]) =>
    writeFileSync(`${dir}/layer${file}`, `${readFileSync(file, 'utf8').trimEnd()}\n${lines.join('\n')}\n`)
  extended(
    '/etc/passwd',
    entries.map(([user, id]) => `${user}:x:${id}:${id}::/nonexistent:/bin/false`),
  )
  extended(
    '/etc/group',
    entries.map(([user, id]) => `${user}:x:${id}:`),
  )
  // The tmpfs is above and beside the lower layer: overlayfs refuses layers that lie in one another. /etc and /lib of the package stay out:
  // they would hide settings of the system and the link of merged /usr.
  const script = `set -e
mount -t tmpfs none ${dir}/root
cd ${dir}/root
mkdir over work all
for part in usr var; do if [ -d ${unpacked}${name}/$part ]; then cp -a ${unpacked}${name}/$part over/; fi; done
cp -a ${dir}/layer/. over/
${Object.entries(files)
  .map(([file, to]) => `mkdir -p over$(dirname ${to}) && cp -a ${dir}/${file} over${to}`)
  .join('\n')}
mount -t overlay overlay -o lowerdir=/,upperdir=over,workdir=work all
mount --rbind /dev all/dev
mount -t proc proc all/proc
mkdir -p all${dir}
mount --bind ${dir} all${dir}
exec chroot all ${command.join(' ')} > ${dir}/log 2>&1 < /dev/null`
  mkdirSync(`${dir}/root`)
  return spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  })
}
