/** What of the settings the page knows. */
export type { Settings } from '../settings/schema.ts'
