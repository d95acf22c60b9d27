// Many questions at once, from one namespace: a Node of its own there asks them all, and says who answered.
import { spawn } from 'node:child_process'
import { spelled, type Transport } from './service.js'
import { plainEnv } from './sh.js'

export interface Question {
  readonly address: string
  readonly port: number
  readonly transport?: Transport
}

/** What runs in the namespace. argv[2]: { expected, others }; prints the answers in the order of the questions. */
const script = `
const { connect } = require('node:net')
const { createSocket } = require('node:dgram')
const { expected, others } = JSON.parse(process.argv[1])
const answers = [...expected, ...others].map(() => null)
let open = expected.length
const finish = () => { process.stdout.write(JSON.stringify(answers)); process.exit() }
// Others have had as long as the slowest of those that are expected, and this.
const settle = i => { if (i < expected.length && --open === 0) setTimeout(finish, others.length > 0 ? 400 : 0) }
const ask = ({ address, port, transport }, i) => {
  let text = ''
  let over = false
  const end = () => { if (!over) { over = true; if (text) answers[i] = text; settle(i) } }
  if (transport === 'udp') {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    socket.on('message', data => { text = String(data); end() })
    socket.on('error', end)
    socket.send('hello\\n', port, address)
  } else {
    const socket = connect(port, address)
    socket.on('data', data => { text += data })
    socket.on('error', end)
    socket.on('close', end)
  }
}
;[...expected, ...others].forEach(ask)
if (open === 0) setTimeout(finish, 1000)
setTimeout(finish, 8000)
`

/**
 * Asks all of them from the namespace, and waits for those whose answers are `expected`; `others` have as long, and a moment more.
 * Resolves with the answers in order, first those of `expected`; undefined where there was none.
 */
export function askAll(
  netns: string,
  expected: readonly Question[],
  others: readonly Question[] = [],
): Promise<(string | undefined)[]> {
  const child = spawn(
    'nsenter',
    [`--net=${netns}`, process.execPath, '-e', script, JSON.stringify({ expected, others })],
    { stdio: ['ignore', 'pipe', 'inherit'], env: plainEnv },
  )
  let text = ''
  child.stdout.setEncoding('utf8').on('data', data => {
    text += data
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => {
      const answers = JSON.parse(text) as (string | null)[]
      resolve(answers.map(answer => (answer === null ? undefined : spelled(answer.trim()))))
    })
  })
}
