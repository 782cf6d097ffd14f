import { connect, createServer } from 'node:net'

/**
 * The two ends of a dialogue, for the test of the link. `serve ADDRESS PORT` answers each octet that it hears with one. `talk ADDRESS PORT TIMES
 * OCTETS` says so many octets so many times, each time after the whole answer to the time before, and prints the milliseconds that it took.
 */
const [verb, address = '', port = '0', times = '0', octets = '0'] = process.argv.slice(2)

if (verb === 'serve') {
  createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => socket.write(bytes))
  }).listen(Number(port), address, () => console.log('ready'))
} else {
  const from = performance.now()
  const socket = connect(Number(port), address)
  socket.setNoDelay(true)
  let left = Number(times)
  let heard = 0
  const say = () => {
    heard = 0
    socket.write(Buffer.alloc(Number(octets)))
  }
  socket.on('connect', say)
  socket.on('data', (bytes) => {
    heard += bytes.length
    if (heard < Number(octets)) return
    if (--left > 0) return say()
    console.log(performance.now() - from)
    socket.destroy()
  })
}
