// Sockets that wait for somebody, in a process of their own inside a network namespace.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { plainEnv } from './sh.js'

export interface ListenerSpec {
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  /** By default an IPv6 socket is open to IPv4, too. */
  readonly ipv6Only?: boolean
  /** UDP: connected to this port of the same address, so that it does not wait for others. */
  readonly connectTo?: number
}

export interface TestScope {
  teardown(fn: () => Promise<void>): void
}

/** In the child; it ends with its standard input. */
const PROGRAM = `
const net = require('node:net'), dgram = require('node:dgram')
const open = ({ protocol, address, port, ipv6Only = false, connectTo }) => new Promise((done, fail) => {
  if (protocol === 'tcp') return net.createServer().on('error', fail).listen({ host: address, port, ipv6Only }, done)
  const socket = dgram.createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', ipv6Only }).on('error', fail)
  socket.bind(port, address, () => connectTo === undefined ? done() : socket.connect(connectTo, address, done))
})
Promise.all(JSON.parse(process.argv[1]).map(open)).then(() => console.log('ready'))
process.stdin.on('end', () => process.exit()).resume()
`

/** Resolves to the number of the process, named 'node', when all of them listen. They live as long as the test. */
export async function listenIn(t: TestScope, netns: string, specs: readonly ListenerSpec[]): Promise<number> {
  const args = [`--net=${netns}`, '--', process.execPath, '-e', PROGRAM, JSON.stringify(specs)]
  const child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'], env: plainEnv })
  const exit = once(child, 'exit')
  t.teardown(async () => {
    child.stdin.end()
    await exit
  })
  await Promise.race([
    once(child.stdout, 'data'),
    exit.then(([code]) => {
      throw new Error(`the listeners ended with ${code}`)
    }),
  ])
  return child.pid!
}
