import { detectBoard, unknownBoard } from '../board/board.ts'
import type { Board } from '../board/schema.ts'
import { boardNames, readBoard, readBoards, readMachine } from '../board/shelf.ts'
import { sentence } from '../ports/log.ts'
import { DeviceStore } from '../settings/device.ts'
import { Door } from '../web/door.ts'
import { claimAddress, pageAddresses } from './address.ts'
import { type Command, type ExitCode, exit, type Options, Refusal, type Scene, text, UsageError } from './command.ts'
import { labelSvg, labelText } from './label.ts'
import { loadSettings } from './load.ts'

export const board: Command = {
  usage: 'outpost board [list|show NAME|detect] [--json] | label [--address URL] [--text] [--data DIR] > label.svg',
  help: 'Boards that are known, the facts of one, and which one this machine is. label: 62 x 29 mm as SVG with the address of the page, the claim code, and both as a QR code; --address: as it will be where the box stands, such as http://outpost.local:8080/; --text: for a terminal.',
  flags: { address: 'text', json: 'yes', text: 'yes' },
  async run(scene, options) {
    const [verb = 'list', name] = options.words
    if (verb === 'list') return list(scene, options)
    if (verb === 'show') return show(scene, options, await named(scene, name))
    if (verb === 'detect') return show(scene, options, await detected(scene))
    if (verb !== 'label') throw new UsageError(`board ${verb} is not known. Write list, show NAME, detect or label.`)
    scene.out(await label(scene, options))
    return exit.done
  },
}

async function list(scene: Scene, options: Options): Promise<ExitCode> {
  const boards = await readBoards(scene.ports.disk, scene.boardsDir)
  if (options.flags.json) scene.out(`${JSON.stringify(boards, null, 2)}\n`)
  else for (const one of boards) scene.out(`${one.name.padEnd(22)} ${one.title.padEnd(46)} ${one.boot.recipe}\n`)
  return exit.done
}

async function named(scene: Scene, name: string | undefined): Promise<Board> {
  if (name === undefined) throw new UsageError('board show wants the name of a board. outpost board list prints them.')
  const names = await boardNames(scene.ports.disk, scene.boardsDir)
  if (!names.includes(name)) throw new Refusal(unknownBoard(name, names))
  return readBoard(scene.ports.disk, scene.boardsDir, name)
}

async function detected(scene: Scene): Promise<Board> {
  const machine = await readMachine(scene.ports.sys)
  const found = detectBoard(await readBoards(scene.ports.disk, scene.boardsDir), machine)
  if (found) return found
  const told = [...machine.compatible, machine.product].filter(Boolean).join(', ') || machine.arch
  throw new Refusal(
    `No file of boards/ knows this machine (${told}). Outpost runs on it all the same; lamp, button and labels of lines need a file.`,
  )
}

/** The board that this process runs on; undefined when no file knows it, or the files cannot be used: then there is neither lamp nor button. */
export async function thisBoard({ ports: { disk, sys, log }, boardsDir }: Scene): Promise<Board | undefined> {
  try {
    return detectBoard(await readBoards(disk, boardsDir), await readMachine(sys))
  } catch (error) {
    log('warning', 'device: the board is not known', { why: sentence(error) })
    return undefined
  }
}

function show(scene: Scene, { flags }: Options, one: Board): ExitCode {
  scene.out(flags.json ? `${JSON.stringify(one, null, 2)}\n` : `${lines(one).join('\n')}\n`)
  return exit.done
}

function* pairs({ boot, leds, ...one }: Board): Generator<[string, string]> {
  yield ['name', one.name]
  yield ['title', one.title]
  yield ['memory', `${one.memoryMiB} MiB at least, ${one.heapMiB} MiB of heap`]
  yield ['boot', boot.recipe === 'none' ? `no image: ${boot.why}` : `${boot.recipe}, console on ${boot.console}`]
  for (const line of one.serial)
    yield ['serial', [`${line.path}  ${line.label}`, line.pins, line.overlay && `overlay ${line.overlay}`].filter(Boolean).join('; ')]
  for (const [role, led] of Object.entries(leds)) yield ['lamp', `${role}: ${led}`]
  if (one.watchdog) yield ['watchdog', `${one.watchdog.drivers.join(' or ')}, at most ${one.watchdog.maxSeconds} s`]
  yield ['clock', one.clockBattery ? 'goes on without power' : 'stops without power; the time comes from the network']
  yield ['storage', one.storage]
  if (one.button) yield ['button', one.button.pins]
  for (const note of one.notes ?? []) yield ['note', note]
}
const lines = (one: Board): string[] => [...pairs(one)].map(([key, value]) => `${key.padEnd(9)} ${value}`)

async function label(scene: Scene, options: Options): Promise<string> {
  const wanted = text(options, 'address')
  const { clock, disk, link, random } = scene.ports
  if (wanted !== undefined && !URL.canParse(wanted))
    throw new UsageError('--address: write the whole of it, such as http://outpost.local:8080/.')
  const { settings } = await loadSettings(scene)
  const device = await DeviceStore.open(disk, random, scene.dir)
  const { claimed, claimCode } = await Door.open(clock, random, device)
  if (claimed) throw new Refusal('This box has been set up already: its claim code is of no use any more.')
  const address = wanted === undefined ? (pageAddresses(link, settings.web)[0] ?? '') : new URL(wanted).href
  const facts = { address, link: claimAddress(address, claimCode), claimCode, deviceId: device.data.id }
  return options.flags.text ? labelText(facts) : labelSvg(facts)
}
