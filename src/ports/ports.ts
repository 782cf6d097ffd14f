import type { Broker } from './broker.ts'
import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import type { Http } from './http.ts'
import type { Link } from './link.ts'
import type { Log } from './log.ts'
import type { MailIn } from './mail-in.ts'
import type { NamesOf } from './names.ts'
import type { Net } from './net.ts'
import type { Notify } from './notify.ts'
import type { Random } from './random.ts'
import type { Serial } from './serial.ts'
import type { Serve } from './serve.ts'
import type { SetClock } from './set-clock.ts'
import type { Sys } from './sys.ts'

/** The whole outside world, handed in. */
export type Ports = {
  clock: Clock
  disk: Disk
  net: Net
  link: Link
  names: NamesOf
  serial: Serial
  broker: Broker
  mailIn: MailIn
  random: Random
  log: Log
}

/** And what serves the page and the mailbox, and the machine underneath, which the gateway itself has no use for. */
export type Outside = Ports & { http: Http; serve: Serve; setClock: SetClock; sys: Sys; notify: Notify }
