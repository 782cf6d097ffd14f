import type { Board } from './board.ts'
import type { Release } from './release.ts'

/** Files of the root that follow from the facts of a board. Pure. */
export function boardFiles(board: Board, { version, epoch }: Release): Record<string, string> {
  const { watchdog, wifi, heapMiB } = board
  return {
    'etc/systemd/system/outpost.service.d/50-board.conf': [
      `# ${board.title}`,
      '[Service]',
      `Environment=HEAP_MIB=${heapMiB} OUTPOST_VERSION=${version} OUTPOST_BUILT_AT=${epoch * 1000}`,
      `MemoryMax=${memoryLimitMiB(board)}M`,
      '',
    ].join('\n'),
    ...(watchdog && {
      'etc/systemd/system.conf.d/50-board.conf': [
        '[Manager]',
        `WatchdogDevice=${watchdog.device}`,
        `RuntimeWatchdogSec=${Math.min(watchdog.maxSeconds, watchdogSeconds)}s`,
        '',
      ].join('\n'),
    }),
    // Tells outpost-first-boot that there may be an access point.
    ...(wifi && { 'usr/lib/outpost/host/wifi': '' }),
  }
}

/** systemd feeds the machine's watchdog in half of this time. Long enough for a card that pauses. */
const watchdogSeconds = 30

/** The heap, and as much again as Node takes beside it: code, buffers, threads. */
export const memoryLimitMiB = ({ heapMiB }: Board): number => Math.round(heapMiB * 1.5) + 96
