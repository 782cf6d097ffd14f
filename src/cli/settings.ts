import { nearest } from '../alert/nearest.ts'
import { boardsMarkdown } from '../board/docs.ts'
import { decodersMarkdown } from '../decode/docs.ts'
import { isDiskError, replaceFile } from '../ports/disk.ts'
import { checkSettings } from '../settings/check.ts'
import { settingsDiff } from '../settings/diff.ts'
import { settingsMarkdown, settingsSchemaText } from '../settings/docs.ts'
import { presets, relayOfPreset } from '../settings/presets.ts'
import { SettingsStore } from '../settings/store.ts'
import { type Command, type ExitCode, exit, type Options, Refusal, type Scene, text, UsageError } from './command.ts'

export const settings: Command = {
  usage: 'outpost settings [show|export|import FILE [--yes]|presets [NAME]] [--data DIR]',
  help: 'The settings; secrets are never among them. import shows what would change, --yes applies it. presets: relays of providers, to paste.',
  flags: { yes: 'yes', write: 'text', check: 'text' },
  async run(scene, options) {
    const [verb = 'show', file] = options.words
    if (verb === 'show' || verb === 'export') {
      const { settings: current } = await loaded(scene)
      scene.out(`${JSON.stringify(current, null, 2)}\n`)
      return exit.done
    }
    if (verb === 'import') return importFrom(scene, options, file)
    if (verb === 'presets') return showPresets(scene, file)
    if (verb === 'docs') return docs(scene, options)
    throw new UsageError(`settings ${verb} is not known. Write show, export, import FILE or presets.`)
  },
}

async function loaded(scene: Scene) {
  const store = new SettingsStore(scene.ports.disk, scene.dir)
  const { settings: current, findings } = await store.load()
  if (!current)
    throw new Refusal(findings.map((finding) => `${finding.path || 'settings.json'}: ${finding.what} ${finding.write}`).join('\n'))
  return { store, settings: current }
}

/** All of them, or one as an entry of `relays` on standard output, with what it needs beside it. */
function showPresets(scene: Scene, name: string | undefined): ExitCode {
  if (name === undefined) {
    for (const { name: id, title, relay } of presets) scene.out(`${id.padEnd(14)} ${title.padEnd(32)} ${relay.host}:${relay.port}\n`)
    return exit.done
  }
  const preset = presets.find((one) => one.name === name)
  if (!preset) {
    const names = presets.map((one) => one.name)
    const near = nearest(name, names)
    throw new Refusal(`There is no preset ${name}. ${near ? `Did you mean ${near}?` : `Known are: ${names.join(', ')}.`}`)
  }
  scene.out(`${JSON.stringify(relayOfPreset(preset), null, 2)}\n`)
  scene.err(`${preset.need}\n`)
  return exit.done
}

async function importFrom(scene: Scene, options: Options, file: string | undefined): Promise<ExitCode> {
  if (!file) throw new UsageError('settings import wants a file.')
  const checked = checkSettings(Buffer.from(await scene.ports.disk.read(file)).toString())
  for (const finding of checked.findings) scene.err(`${finding.level}: ${finding.path || 'settings'}: ${finding.what} ${finding.write}\n`)
  if (!checked.settings) throw new Refusal(`${file} was not imported. Mend what is said above.`)
  const { store, settings: current } = await loaded(scene)
  const changes = settingsDiff(current, checked.settings)
  for (const change of changes) scene.out(`${change}\n`)
  if (changes.length === 0) scene.out('Nothing would change.\n')
  if (changes.length > 0 && !options.flags.yes) scene.out('Nothing was changed yet. Say --yes to apply it.\n')
  if (changes.length > 0 && options.flags.yes) {
    await store.save(checked.settings)
    scene.out('Applied. A running gateway takes it on SIGHUP or a restart.\n')
  }
  return exit.done
}

/** docs/settings.md and settings.schema.json are made from the schema, decoders.md from the decoders, boards.md from the schema of boards; `--check` fails when they say something else. */
async function docs(scene: Scene, options: Options): Promise<ExitCode> {
  const { disk } = scene.ports
  const dir = text(options, 'write') ?? text(options, 'check')
  if (!dir) throw new UsageError('settings docs wants --write DIR or --check DIR.')
  const pages: [string, string][] = [
    ['settings.md', settingsMarkdown()],
    ['settings.schema.json', settingsSchemaText()],
    ['decoders.md', decodersMarkdown()],
    ['boards.md', boardsMarkdown()],
  ]
  let stale = false
  for (const [name, page] of pages) {
    if (text(options, 'write')) await replaceFile(disk, dir, name, Buffer.from(page))
    else if (Buffer.from(await standing(scene, `${dir}/${name}`)).toString() !== page) {
      stale = true
      scene.err(`${dir}/${name} is not what the code says. Run: npm run docs\n`)
    }
  }
  return stale ? exit.no : exit.done
}

async function standing(scene: Scene, path: string): Promise<Uint8Array> {
  try {
    return await scene.ports.disk.read(path)
  } catch (error) {
    if (isDiskError(error, 'ENOENT')) return new Uint8Array()
    throw error
  }
}
