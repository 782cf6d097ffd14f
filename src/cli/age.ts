/** `12s 5m 3h 4d`: a duration in ms as a list shows it. */
export const age = (ms: number): string =>
  ms < 60_000
    ? `${Math.round(ms / 1000)}s`
    : ms < 3_600_000
      ? `${Math.round(ms / 60_000)}m`
      : ms < 172_800_000
        ? `${Math.round(ms / 3_600_000)}h`
        : `${Math.round(ms / 86_400_000)}d`
