/** What the bench asks of whoever brings alerts from a broker to a relay. A file a peer. */
export type Duty = {
  /** Where it keeps what must survive; and what need not, such as its log. */
  dir: string
  scratch: string
  broker: { port: number; topic: string; clientId: string }
  relay: { host: string; port: number; ca: string; user: string; password: string }
}

export type Running = {
  /** Every process that belongs to it, at this moment. */
  pids(): number[]
  /** kill -9 of all of them at once. */
  kill(): Promise<void>
  stop(): Promise<void>
  /** A file that names the alerts which its queue has taken, where an alert can be lost before that. */
  handed?: string
  /** What its installation does by itself when an interface comes up. */
  linkUp?(): Promise<void>
}

export type Install = { mebibytes: number; packages: number }

export type Peer = {
  id: string
  title: string
  /** Where alerts wait that have not left yet. Who keeps nothing cannot be late, only lose. */
  keeps: 'in memory' | 'on the disk' | 'on the disk, not synced' | 'at the broker'
  /** What its PUBACK stands for. */
  acknowledges: string
  /** How it is set up, as far as it matters here. */
  setUp: string
  /** Programs that must be there. */
  needs: readonly string[]
  /** What has to be fetched before. */
  prepare?(): Promise<void>
  version(): string
  install(): Install
  start(duty: Duty): Promise<Running>
}

export const sender = 'ps7@example.org'
export const recipient = 'ops@example.org'
