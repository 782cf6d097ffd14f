/** One thing to say of the settings: where, what is there, what to write. */
export type Finding = { path: string; what: string; write: string; level: 'error' | 'note' }
