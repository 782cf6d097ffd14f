import type { Settings } from '../web/settings.ts'
import { type Answer, ask, type Finding, get, type Problem } from './api.ts'
import { refersTo } from './secret-name.ts'

/** The settings as they were read, changed as a whole. */
export type { Settings } from '../web/settings.ts'
export type Kept = { settings: Settings; etag: string; findings: Finding[]; secrets: { name: string; known: boolean }[] }

export async function readSettings(): Promise<Answer<Kept>> {
  const answer = await get<Omit<Kept, 'etag'>>('/api/settings')
  return answer.ok ? { ...answer, value: { ...answer.value, etag: answer.etag } } : answer
}

/** Secrets that the settings refer to go along: what is refused changes none. Undefined when all is saved. */
export async function saveSettings(
  kept: Kept,
  settings: unknown,
  secrets: Readonly<Record<string, string>> = {},
): Promise<Problem | undefined> {
  const typed = Object.fromEntries(Object.entries(secrets).filter(([name, value]) => value !== '' && refersTo(settings, name)))
  const answer = await ask('POST', '/api/settings', { settings, secrets: typed }, { 'If-Match': kept.etag })
  return answer.ok ? undefined : answer.problem
}
