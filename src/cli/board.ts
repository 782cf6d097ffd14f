import { DeviceStore } from '../settings/device.ts'
import { Door } from '../web/door.ts'
import { claimAddress, pageAddresses } from './address.ts'
import { type Command, exit, Refusal, type Scene, text, UsageError } from './command.ts'
import { labelSvg } from './label.ts'
import { loadSettings } from './load.ts'

export const board: Command = {
  usage: 'outpost board label [--address URL] [--data DIR] > label.svg',
  help: 'A label of 62 x 29 mm as SVG: address of the page, claim code, and both as a QR code. --address: as it will be where the box stands, such as http://outpost.local:8080/.',
  flags: { address: 'text' },
  async run(scene, options) {
    const [verb] = options.words
    if (verb !== 'label') throw new UsageError(`board ${verb ?? ''} is not known. Write outpost board label.`)
    scene.out(await label(scene, text(options, 'address')))
    return exit.done
  },
}

async function label(scene: Scene, wanted: string | undefined): Promise<string> {
  const { clock, disk, link, random } = scene.ports
  if (wanted !== undefined && !URL.canParse(wanted))
    throw new UsageError('--address: write the whole of it, such as http://outpost.local:8080/.')
  const { settings } = await loadSettings(scene)
  const device = await DeviceStore.open(disk, random, scene.dir)
  const { claimed, claimCode } = await Door.open(clock, random, device)
  if (claimed) throw new Refusal('This box has been set up already: its claim code is of no use any more.')
  const address = wanted === undefined ? (pageAddresses(link, settings.web)[0] ?? '') : new URL(wanted).href
  return labelSvg({ address, link: claimAddress(address, claimCode), claimCode, deviceId: device.data.id })
}
