import type { Level } from './log.ts'
import type { LogBook } from './log-book.ts'
import { NodeBroker } from './node/broker.ts'
import { NodeClock } from './node/clock.ts'
import { NodeDisk } from './node/disk.ts'
import { NodeHttp } from './node/http.ts'
import { NodeLink } from './node/link.ts'
import { nodeLog } from './node/log.ts'
import { NodeMailIn } from './node/mail-in.ts'
import { NodeNames } from './node/names.ts'
import { NodeNet } from './node/net.ts'
import { nodeNotify } from './node/notify.ts'
import { NodeRandom } from './node/random.ts'
import { NodeSerial } from './node/serial.ts'
import { NodeServe } from './node/serve.ts'
import { askForClock, setNodeClock, unitDir } from './node/set-clock.ts'
import { NodeSys } from './node/sys.ts'
import type { Outside } from './ports.ts'

/** The world as it is: every port over Node, serialport and mqtt. Packages are loaded when they are first needed. */
export function nodePorts(options: { secrets?: () => string[]; pretty?: boolean; level?: Level; book?: LogBook } = {}): Outside {
  const { secrets = () => [], pretty = false, level = 'info', book } = options
  const log = nodeLog({
    secrets,
    pretty,
    level,
    write: (line) => void process.stderr.write(line),
    ...(book ? { keep: (line: string) => book.write(line) } : {}),
  })
  const clock = new NodeClock()
  const disk = new NodeDisk()
  return {
    clock,
    disk,
    net: new NodeNet(),
    http: new NodeHttp(),
    serve: new NodeServe(),
    setClock: process.env.RUNTIME_DIRECTORY === unitDir ? askForClock({ clock, disk }) : setNodeClock,
    sys: new NodeSys(),
    notify: nodeNotify,
    names: (servers) => new NodeNames(servers),
    link: new NodeLink(),
    serial: new NodeSerial(),
    broker: new NodeBroker(log, clock),
    mailIn: new NodeMailIn(),
    random: new NodeRandom(),
    log,
  }
}
