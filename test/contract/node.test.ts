import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { NodeClock } from '../../src/ports/node/clock.ts'
import { NodeDisk } from '../../src/ports/node/disk.ts'
import { NodeNet } from '../../src/ports/node/net.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { NodeSerial } from '../../src/ports/node/serial.ts'
import { missing, sleep, start, stop, until } from '../peers/process.ts'
import { brokerContract } from './broker.ts'
import { brokerServerContract } from './broker-server.ts'
import { clockContract } from './clock.ts'
import { diskContract } from './disk.ts'
import { netContract } from './net.ts'
import { randomContract } from './random.ts'
import { serialContract } from './serial.ts'
import { type Web, webContract } from './web.ts'
import { skip as noBroker, nodeBrokerWorld } from './world/node-broker.ts'
import { nodeServeWorld } from './world/node-broker-server.ts'
import { nodeNetWorld } from './world/node-net.ts'

const folder = () => mkdtempSync(`${tmpdir()}/outpost-contract-`)

clockContract('the clock of the machine', () => ({ clock: new NodeClock(), pass: sleep }))

diskContract('the disk of the machine', async () => {
  const dir = folder()
  return { disk: new NodeDisk(), dir, done: async () => rmSync(dir, { recursive: true, force: true }) }
})

netContract('sockets on loopback', nodeNetWorld, { slowsDown: true, resumes: true })

for (const version of [4, 5] as const)
  brokerContract(`mosquitto, MQTT ${version === 4 ? '3.1.1' : '5'}`, nodeBrokerWorld(version), { skip: noBroker })

brokerServerContract('a broker of our own', nodeServeWorld)

randomContract('the chance of the machine', { make: () => new NodeRandom(), repeats: false })

serialContract(
  'a pty',
  async () => {
    const dir = folder()
    const pair = start('socat', [`pty,raw,echo=0,link=${dir}/box`, `pty,raw,echo=0,link=${dir}/device`])
    await until('the pty pair is there', 5000, () => existsSync(`${dir}/box`) && existsSync(`${dir}/device`))
    const device = spawn('socat', ['-', `${dir}/device,raw,echo=0`], { stdio: ['pipe', 'pipe', 'ignore'] })
    // It is cut off in the middle of a word when the line is unplugged.
    device.stdin.on('error', () => {})
    let heard = ''
    device.stdout.on('data', (bytes) => {
      heard += bytes
    })
    await sleep(200)
    return {
      serial: new NodeSerial(),
      path: `${dir}/box`,
      say: async (text) => void device.stdin.write(text),
      heard: () => heard,
      unplug: () => stop(pair),
      pass: sleep,
      done: async () => {
        await stop(device, 'SIGKILL')
        await stop(pair)
        rmSync(dir, { recursive: true, force: true })
      },
    }
  },
  { skip: missing('socat') },
)

webContract('the web over loopback', async () => {
  let respond: Parameters<Web['serve']>[0] | undefined
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (bytes) => {
      body += bytes
    })
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
      const answer = respond?.({ method: request.method ?? '', path: request.url ?? '', headers, body })
      response.writeHead(answer?.status ?? 500, answer?.headers).end(answer?.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    net: new NodeNet(),
    serve: async (answer) => {
      respond = answer
      return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    },
    pass: async () => {},
    done: () => new Promise((resolve) => void server.close(() => resolve())),
  }
})
