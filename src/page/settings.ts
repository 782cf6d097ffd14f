import type { Settings } from '../web/settings.ts'
import { type Answer, ask, type Finding, get, type Problem } from './api.ts'

/** The settings as they were read, changed as a whole. */
export type { Settings } from '../web/settings.ts'
export type Kept = { settings: Settings; etag: string; findings: Finding[]; secrets: { name: string; known: boolean }[] }

export async function readSettings(): Promise<Answer<Kept>> {
  const answer = await get<Omit<Kept, 'etag'>>('/api/settings')
  return answer.ok ? { ...answer, value: { ...answer.value, etag: answer.etag } } : answer
}

/** Keeps the secrets first: the settings refer to them. Undefined when all is saved. */
export async function saveSettings(
  kept: Kept,
  settings: unknown,
  secrets: Readonly<Record<string, string>> = {},
): Promise<Problem | undefined> {
  for (const [name, value] of Object.entries(secrets)) {
    if (value === '') continue
    const answer = await ask('PUT', `/api/secrets/${encodeURIComponent(name)}`, { value })
    if (!answer.ok) return answer.problem
  }
  const answer = await ask('PUT', '/api/settings', settings, { 'If-Match': kept.etag })
  return answer.ok ? undefined : answer.problem
}
