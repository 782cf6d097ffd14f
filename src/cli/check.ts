import { strayed } from '../gateway/samples.ts'
import { isDiskError } from '../ports/disk.ts'
import { checkSettings } from '../settings/check.ts'
import type { Finding } from '../settings/finding.ts'
import { effective } from '../settings/schema.ts'
import { Secrets } from '../settings/secrets.ts'
import { type Command, exit, Refusal } from './command.ts'

export const check: Command = {
  usage: 'outpost check [--data DIR | FILE]',
  help: 'Reads the settings, tries the samples of its rules, and says what is wrong: where, what, and what to write instead.',
  flags: { json: 'yes' },
  async run(scene, options) {
    const { disk } = scene.ports
    const path = options.words[0] ?? `${scene.dir}/settings.json`
    let bytes: Uint8Array
    try {
      bytes = await disk.read(path)
    } catch (error) {
      if (isDiskError(error, 'ENOENT'))
        throw new Refusal(`There is no ${path}. Run outpost once to make one, or name the file: outpost check FILE.`)
      throw error
    }
    const { settings, findings } = checkSettings(Buffer.from(bytes).toString())
    const all: Finding[] = [...findings]
    if (settings) {
      const secrets = await Secrets.load(disk, scene.dir, scene.env)
      all.push(...secrets.missing(settings), ...secrets.fixed(settings), ...strayed(effective(settings), scene.ports.clock))
    }
    for (const finding of all)
      scene.out(
        options.flags.json
          ? `${JSON.stringify(finding)}\n`
          : `${finding.level}: ${finding.path || 'settings'}: ${finding.what} ${finding.write}\n`,
      )
    const errors = all.filter((finding) => finding.level === 'error').length
    if (!options.flags.json) scene.out(errors > 0 ? `${path}: ${errors} to mend\n` : `${path}: valid\n`)
    return errors > 0 ? exit.no : exit.done
  },
}
