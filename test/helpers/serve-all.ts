// Many services in one process of a namespace: each port, over TCP and UDP and both families, says who has called.
import { spawn } from 'node:child_process'
import { plainEnv } from './sh.js'

/** What runs in the namespace. argv[1]: { greeting, ports }; prints a line when all are there. */
const script = `
const { createServer } = require('node:net')
const { createSocket } = require('node:dgram')
const { greeting, ports } = JSON.parse(process.argv[1])
const say = address => greeting + ' ' + address.replace('::ffff:', '')
let open = ports.length * 2
const ready = () => { if (--open === 0) console.log('ready') }
for (const port of ports) {
  createServer(socket => { socket.on('error', () => {}); socket.end(say(socket.remoteAddress ?? '')) }).listen(port, '::', ready)
  const socket = createSocket('udp6')
  socket.on('message', (_, { address, port }) => socket.send(say(address), port, address))
  socket.bind(port, '::', ready)
}
`

/** Resolves when all of them listen; they answer `GREETING CALLER`, and go with the test. */
export function serveAll(
  t: { after(fn: () => void): void },
  netns: string,
  greeting: string,
  ports: readonly number[],
): Promise<void> {
  const child = spawn(
    'nsenter',
    [`--net=${netns}`, process.execPath, '-e', script, JSON.stringify({ greeting, ports })],
    { stdio: ['ignore', 'pipe', 'inherit'], env: plainEnv },
  )
  t.after(() => void child.kill('SIGKILL'))
  return new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', code => reject(new Error(`${greeting}: exit code ${code}`)))
  })
}
