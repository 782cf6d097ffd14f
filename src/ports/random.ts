/** Random: the only source of chance, so that a seed replays everything. */
export interface Random {
  /** Fit for identifiers and secrets. */
  bytes(count: number): Uint8Array
  /** In [0, 1). For jitter. */
  unit(): number
  /** A new RSA private key, PKCS #8 in PEM. Takes seconds on a small board, beside other work. */
  rsaKey(bits: number): Promise<string>
  /** A new private key on the curve P-256, PKCS #8 in PEM. */
  ecKey(): Promise<string>
}

/** `ms` spread evenly over +-`part` of itself, so that a fleet does not knock in step. */
export const jitter = (random: Random, ms: number, part = 0.2): number => Math.round(ms * (1 + part * (2 * random.unit() - 1)))

/**
 * From a fifth of `ms` to a fifth more than it, so that the longest is that of `jitter`: for rests that very many boxes begin in the same moment, because one server
 * fails all of them. Where they come again within a narrow band, they come as a wave, and most of it is turned away again.
 */
export const spread = (random: Random, ms: number): number => Math.round(ms * (0.2 + random.unit()))

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
