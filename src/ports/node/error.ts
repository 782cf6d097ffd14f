/** Errors of Node: the code that an error bears, and the one for what takes too long. */
export const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException)?.code ?? 'EUNKNOWN')

/** The promise's own result, or a rejection with `late()` after `ms`. The promise itself is not stopped. */
export function limited<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
