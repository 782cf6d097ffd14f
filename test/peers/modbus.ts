import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { until } from './process.ts'

/** A Modbus server of pymodbus (Debian's python3-pymodbus) on a terminal. Its values are those of a file, read again with every request. */
const program = `
import json, sys
from pymodbus.server import StartSerialServer
from pymodbus.transaction import ModbusRtuFramer
from pymodbus.datastore import ModbusSlaveContext, ModbusServerContext
from pymodbus.datastore.store import BaseModbusDataBlock
path, values = sys.argv[1:]
class Block(BaseModbusDataBlock):
    def __init__(self, table):
        self.table = table
        self.address = 0
        self.default_value = 0
    def held(self):
        return {int(at): value for at, value in json.load(open(values)).get(self.table, {}).items()}
    def validate(self, address, count=1):
        return address + count <= 1000
    def getValues(self, address, count=1):
        held = self.held()
        return [held.get(at, 0) for at in range(address, address + count)]
store = ModbusSlaveContext(di=Block('discrete'), co=Block('coil'), hr=Block('holding'), ir=Block('input'), zero_mode=True)
print('ready', flush=True)
StartSerialServer(context=ModbusServerContext(slaves={17: store}, single=False), framer=ModbusRtuFramer, port=path, baudrate=19200, timeout=1)
`

export type ModbusValues = Partial<Record<'discrete' | 'coil' | 'holding' | 'input', Record<number, number | boolean>>>

export class ModbusServer {
  readonly #path: string
  readonly #values: string
  child: ChildProcess | undefined

  /** `path`: the terminal; `values`: a file to keep the values in. The server's address is 17. */
  constructor(path: string, values: string) {
    this.#path = path
    this.#values = values
  }

  set(values: ModbusValues): void {
    writeFileSync(this.#values, JSON.stringify(values))
  }

  async begin(): Promise<void> {
    const child = spawn('/usr/bin/python3', ['-c', program, this.#path, this.#values], { stdio: ['ignore', 'pipe', 'ignore'] })
    this.child = child
    let said = ''
    child.stdout.on('data', (bytes) => {
      said += bytes
    })
    await until('the Modbus server runs', 15_000, () => said.includes('ready'))
  }
}
