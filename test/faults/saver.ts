import { appendFileSync } from 'node:fs'
import { isDiskError } from '../../src/ports/disk.ts'
import { nodePorts } from '../../src/ports/node.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import { SettingsStore } from '../../src/settings/store.ts'
import { named, saves } from './small.ts'

/**
 * saver.ts DIR ACKS: the settings and the device file are saved in turn, whatever became of the save before. What was saved is a line in ACKS: `id` and
 * `name` and `time` with their values. Exit code 74: the disk let them not even be read.
 */
const [dir = '', acks = ''] = process.argv.slice(2)
const { disk, random } = nodePorts({ level: 'error' })
const tell = (line: string) => appendFileSync(acks, `${line}\n`)

async function tried(deed: () => Promise<void>): Promise<void> {
  try {
    await deed()
  } catch (error) {
    if (!isDiskError(error)) throw error
  }
}

try {
  const store = new SettingsStore(disk, dir)
  await store.load()
  const device = await DeviceStore.open(disk, random, dir)
  tell(`id ${device.data.id}`)
  for (let nth = 1; nth <= saves; nth++) {
    await tried(async () => {
      await store.save(named(nth))
      tell(`name ${nth}`)
    })
    await tried(async () => {
      await device.synchronised(nth)
      tell(`time ${nth}`)
    })
  }
} catch (error) {
  if (isDiskError(error)) process.exit(74)
  throw error
}
