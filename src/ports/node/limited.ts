/** The promise's own result, or a rejection with what `late` makes after `ms`. */
export function limited<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** The errno or OpenSSL name of a thrown thing. */
export const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException)?.code ?? 'EUNKNOWN')
