import type { Here } from './status.ts'
import { compareVersions, isVersion, type Version } from './version.ts'

/** Verdict: whether a bundle whose signature was found good may be installed here. Pure. */
export type Verdict = { kind: 'good'; version: Version } | { kind: 'refused'; why: string }

/** `info`: what `rauc info --output-format=json` says of the bundle. `version`: of what runs now. */
export function verdictOn(info: unknown, here: Pick<Here, 'compatible' | 'version'>): Verdict {
  const { compatible, version } = (typeof info === 'object' && info !== null ? info : {}) as Record<string, unknown>
  if (typeof compatible !== 'string' || !isVersion(version))
    return refused('The bundle does not say for which board and of which version it is. Get it anew from where you had it.')
  if (compatible !== here.compatible)
    return refused(`The bundle is for ${compatible}, and this box is ${here.compatible}. Get the bundle for this board.`)
  const difference = compareVersions(version, here.version)
  if (difference < 0)
    return refused(
      `The bundle has version ${version}, older than ${here.version} that runs: an old fault must not come back. Flash the card if it has to be.`,
    )
  if (difference === 0) return refused(`Version ${version} runs already.`)
  return { kind: 'good', version }
}

const refused = (why: string): Verdict => ({ kind: 'refused', why })

/** What rauc says of a bundle that it does not take, as a sentence for the person at the page. What it tells on its way is no fault. */
export function whyRefused(said: string): string {
  const stderr = said
    .split('\n')
    .filter((line) => !/^rauc-Message|^\(rauc:\d+\): .*-(Message|DEBUG|INFO)/.test(line))
    .join('\n')
  if (/signature|certificate|verif|CMS|self.signed|unable to get/i.test(stderr))
    return 'The signature of the bundle is missing, broken, or not of somebody whom this box trusts. Nothing was installed.'
  // Each block is verified as it is read (dm-verity): one that does not fit cannot be read.
  if (/input\/output error/i.test(stderr))
    return 'The bundle was changed or damaged after it was signed, or the card cannot be read. What runs was not touched; upload it again.'
  if (/no space left/i.test(stderr)) return 'The card has no room for it. Nothing was changed.'
  if (/not a valid|magic|too small|size|truncated|failed to (?:open|read)|Invalid/i.test(stderr))
    return 'The file is no update bundle, or only a part of one. Upload it again.'
  const last = stderr.trim().split('\n').at(-1) ?? ''
  return `The bundle could not be read: ${last.slice(0, 200)}`
}
