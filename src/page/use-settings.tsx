import { useEffect, useState } from 'preact/hooks'
import type { Finding, Problem } from './api.ts'
import type { Typed } from './form.tsx'
import { type Kept, readSettings, saveSettings } from './settings.ts'

/** The settings that a screen shows and changes. */
export type Editing = {
  kept: Kept | undefined
  problem: Problem | undefined
  findings: readonly Finding[]
  /** Undefined when they were saved; the screen shows them as they are now. */
  save(settings: unknown, secrets?: Typed): Promise<Problem | undefined>
}

export function useSettings(): Editing {
  const [kept, setKept] = useState<Kept>()
  const [problem, setProblem] = useState<Problem>()
  const [findings, setFindings] = useState<readonly Finding[]>([])
  const look = async () => {
    const answer = await readSettings()
    if (!answer.ok) return setProblem(answer.problem)
    // Errors are of a file that cannot be used: what is shown is something else, and has none.
    const [first, ...faults] = answer.value.findings.filter((one) => one.level === 'error')
    setKept({ ...answer.value, findings: answer.value.findings.filter((one) => one.level === 'note') })
    setProblem(first && { status: 422, error: first.what, hint: first.write, findings: faults })
  }
  useEffect(() => void look(), [])
  return {
    kept,
    problem,
    findings: findings.length > 0 ? findings : (kept?.findings ?? []),
    save: async (settings, secrets = {}) => {
      if (!kept) return undefined
      const wrong = await saveSettings(kept, settings, secrets)
      setFindings(wrong?.findings ?? [])
      if (!wrong) await look()
      return wrong
    },
  }
}
