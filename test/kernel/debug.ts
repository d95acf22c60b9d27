// NETLINK_DEBUG=1 prints what `nft --debug=mnl` prints: the tool's own output is read back, and must come out the same.
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { formatMessage } from '../../kernel/netlink/debug.js'
import type { NlMessage } from '../../wire/netlink/message.js'
import { needs } from '../helpers/needs.js'
import { tempNetns } from '../helpers/netns.js'

const FLAGS: Record<string, number> = { R: 1, M: 2, A: 4, E: 8, '-': 0 }

/** The message that a print shows. */
function parse(lines: readonly string[]): NlMessage {
  const number = (line: string): number => Number(/\d+/.exec(line)![0])
  const [, length, typeAndFlags, seq, pid] = lines as [string, string, string, string, string]
  const payload = Buffer.alloc(number(length) - 16)
  let at = 0
  for (const line of lines.slice(6, -1).map(line => line.replace(/\x1b\[[\d;]*m/g, ''))) {
    const attribute = /^\|(\d{5})\|([N-])([B-])\|(\d{5})\|/.exec(line)
    if (attribute) {
      const [, size, nested, byteOrder, type] = attribute
      payload.writeUInt16LE(Number(size), at)
      payload.writeUInt16LE(
        Number(type) | (nested === 'N' ? 0x8000 : 0) | (byteOrder === 'B' ? 0x4000 : 0),
        at + 2,
      )
    } else payload.set(Buffer.from(line.slice(2, 13).replaceAll(' ', ''), 'hex'), at)
    at += 4
  }
  const flags = [.../\| ([RMAE-]{4}) \|/.exec(typeAndFlags)![1]!].reduce(
    (sum, letter) => sum | FLAGS[letter]!,
    0,
  )
  return { type: number(typeAndFlags), flags, seq: number(seq), pid: number(pid), payload }
}

t.test('as nft prints it', { skip: needs('root', 'nft', 'nsenter') }, async t => {
  const { path } = tempNetns(t)
  const rules = `
    table inet t {
      comment "of a test"
      chain c { type filter hook input priority 0; tcp dport 22 counter accept; ip saddr 10.0.0.0/8 drop; }
    }`
  const { stdout, stderr, status } = spawnSync(
    'nsenter',
    [`--net=${path}`, 'nft', '--debug=mnl', '-f', '-'],
    {
      input: rules,
      encoding: 'utf8',
    },
  )
  t.equal(status, 0, stderr)
  // Two rules around the header, one behind the payload.
  const rule = '----------------\t------------------'
  const sections = stdout.split(`${rule}\n`)
  const messages: string[][] = []
  for (let i = 1; i + 1 < sections.length; i += 3)
    messages.push(`${rule}\n${sections[i]}${rule}\n${sections[i + 1]}${rule}`.split('\n'))
  t.ok(messages.length > 5, `${messages.length} messages`)
  for (const message of messages) t.equal(formatMessage(parse(message)), `${message.join('\n')}\n`)
})

t.test('rtnetlink has its own headers, errors are not taken apart', async t => {
  const link = { type: 16, flags: 5, seq: 7, pid: 0, payload: Buffer.alloc(20) }
  link.payload.set([5, 0, 3, 0], 16)
  const lines = formatMessage(link).split('\n')
  t.equal(lines.filter(line => line.includes('extra header')).length, 4)
  t.match(lines[2], '| 00016 | R-A- |')
  t.equal(lines.filter(line => line.includes('len |flags| type')).length, 1)
  const error = formatMessage({ ...link, type: 2 })
  t.notMatch(error, /extra header|flags\| type\|\n\|.*data/)
})

t.test('NETLINK_DEBUG=1', { skip: needs('root') }, async t => {
  const kernel = new URL('../../kernel/namespace.js', import.meta.url)
  const script = `import { Namespace } from '${kernel}'; Namespace.host().link.get('lo')`
  const run = (env: NodeJS.ProcessEnv): string =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env }).stderr
  t.equal(run({}), '')
  const printed = run({ NETLINK_DEBUG: '1' })
  t.match(printed, /\| 00018 \| R--- \|\t\| {2}type \| flags {2}\|\n/, 'the request')
  t.match(printed, /\| 00016 \| ---- \|\t\| {2}type \| flags {2}\|\n/, 'the reply')
  t.match(printed, / l o {3,}\n/)
})
