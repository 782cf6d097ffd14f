import { uuidOf } from './layout.ts'
import { run } from './run.ts'

/** Data: the partition that may change, as ext4; noatime stands in fstab. */
export type DataOptions = { board: string; size: number; epoch: number }

/**
 * No fast_commit, although it halves what a growing file costs: e2fsck (1.47.2), which comes before the mount, does not replay what the kernel has written so. It says "Invalid argument while recovering journal", goes on,
 * and names that were synced are gone or mean another file. The gateway's journal overwrites blocks that are there, which costs the same with it and without.
 */
export async function makeData(path: string, { board, size, epoch }: DataOptions): Promise<void> {
  const seed = uuidOf(`outpost ${board} data`)
  await run('truncate', ['--size', String(size), path])
  await run(
    'mke2fs',
    [
      ['-q', '-t', 'ext4', '-L', 'outpost-data', '-U', seed],
      ['-b', '4096', '-i', '16384', '-J', 'size=16'],
      ['-E', `hash_seed=${seed},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,resize=67108864`],
      ['-O', '^fast_commit,^orphan_file', '-m', '1'],
      [path],
    ].flat(),
    { env: { E2FSPROGS_FAKE_TIME: String(epoch), SOURCE_DATE_EPOCH: String(epoch) } },
  )
}
