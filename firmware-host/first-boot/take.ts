import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { blank, syncDir } from './files.ts'
import { judge, type Provision, withoutSecrets } from './provision.ts'

/**
 * Take: outpost.json from the start partition, once. What becomes of it stands in outpost-result.txt there, whatever it was: nobody can log in to read the journal. `apply` says what was wrong, and then
 * nothing was changed; or nothing, and all of it is on the disk; it throws when the disk failed in between. Returns the lines for the journal, and never throws.
 */
export function take(start: string, apply: (provision: Provision) => string[]): string[] {
  try {
    return existsSync(`${start}/outpost.json`) ? taken(start, apply) : []
  } catch (error) {
    const why = sentence(error)
    return [why, ...told(start, interrupted(why))]
  }
}

function taken(start: string, apply: (provision: Provision) => string[]): string[] {
  const path = `${start}/outpost.json`
  const text = readFileSync(path, 'utf8')
  if (text.trim() === '') {
    rmSync(path)
    return ['outpost.json was empty', ...told(start, 'outpost.json was empty, or the power went just after it was taken. It is gone.\n')]
  }
  const { provision, findings } = judge(text)
  const whys = provision ? apply(provision) : findings
  if (whys.length > 0) return [...whys, ...told(start, refused(whys))]
  // The secrets go first, and make room for what is written about them.
  blank(path)
  rmSync(path)
  syncDir(start)
  return ['outpost.json was taken', ...remembered(start, text)]
}

/** It was taken, also where the card does not take what there is to say of it. */
function remembered(start: string, text: string): string[] {
  try {
    writeFileSync(`${start}/outpost.taken.json`, withoutSecrets(text))
    return told(start, 'outpost.json was taken. What it said is in outpost.taken.json, without its secrets.\n')
  } catch (error) {
    return [sentence(error), ...told(start, `outpost.json was taken. outpost.taken.json could not be written: ${sentence(error)}.\n`)]
  }
}

const list = (whys: readonly string[]): string => whys.map((why) => `- ${why}`).join('\n')
const refused = (whys: readonly string[]): string =>
  `outpost.json was not taken; nothing was changed.\n\n${list(whys)}\n\nMend it and start the box again.\n`
const interrupted = (why: string): string =>
  `outpost.json could not be taken as a whole; a part of it may be in use.\n\n${list([why])}\n\nThe file is still here, and is taken anew at the next start. When this comes again, the card is full or failing: look at the page under Device, or change it.\n`

/** A card that cannot be written is no reason to be without mail. */
function told(start: string, words: string): string[] {
  try {
    writeFileSync(`${start}/outpost-result.txt`, words.replaceAll('\n', '\r\n'))
    return []
  } catch (error) {
    return [`outpost-result.txt: ${sentence(error)}`]
  }
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error))
