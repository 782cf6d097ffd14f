const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export const isDuration = (text: string): boolean => /^[1-9]\d{0,5}[smhd]$/.test(text)

/** `30s 15m 4h 5d` in ms. The text has been checked (`isDuration`); anything else is 0. */
export const durationMs = (text: string): number => (isDuration(text) ? Number(text.slice(0, -1)) * (units[text.slice(-1)] ?? 0) : 0)
