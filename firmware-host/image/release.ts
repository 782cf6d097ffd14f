import { join } from 'node:path'
import { run } from './run.ts'

/** Which state of the project an image is made of. */
export type Release = { version: string; epoch: number; commit: string }

/** The commit's time is the time of everything; a tree with changes is called so. */
export async function releaseOf(root: string): Promise<Release> {
  const git = async (...args: string[]) => (await run('git', ['-c', `safe.directory=${root}`, '-C', root, ...args])).toString().trim()
  const commit = await git('rev-parse', '--short=9', 'HEAD')
  const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? (await git('log', '-1', '--format=%ct')))
  const changed = (await git('status', '--porcelain')) !== ''
  const { version } = JSON.parse((await run('cat', [join(root, 'package.json')])).toString()) as { version: string }
  // Versions are compared when a box is updated, and hashes have no order.
  const minute = new Date(epoch * 1000).toISOString().replace(/\D/g, '').slice(0, 12)
  return { version: `${version}+${minute}`, epoch, commit: `${commit}${changed ? '.changed' : ''}` }
}
