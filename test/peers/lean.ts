/** How bin/outpost starts Node, for runs that start it themselves: small heap halves, few threads, and what is freed goes back to the system. */
export const leanFlags = [
  '--no-concurrent-recompilation',
  '--no-concurrent-sparkplug',
  '--optimize-for-size',
  '--max-semi-space-size=1',
  '--max-old-space-size=128',
  '--v8-pool-size=1',
]
export const leanEnv = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '131072',
  UV_THREADPOOL_SIZE: '2',
}
