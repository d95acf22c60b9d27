// Pairs of connected unix sockets, made with the addon and node:net, and raw rtnetlink messages.
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addon } from '../../native/addon.js'

export interface TestScope {
  teardown(fn: () => void): void
}

/** A directory that lives as long as the test. */
export function tempDirectory(t: TestScope): string {
  const directory = mkdtempSync(join(tmpdir(), `plumbline-test-${process.pid}-`))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A connection to the addon's listening socket `listener` at `path`: our end of it, and the accepted descriptor. */
export async function connectTo(listener: number, path: string): Promise<{ client: Socket; fd: number }> {
  const client = connect(path)
  client.on('error', () => {})
  await new Promise(resolve => client.once('connect', resolve))
  return { client, fd: addon.accept(listener) }
}

export const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const NLM_F_REQUEST = 1
export const NLM_F_DUMP = 0x300

/** RTM_GETLINK: a dump with NLM_F_DUMP in `flags`, else of the link `index`. */
export function getLink(flags: number, index = 0): Buffer {
  const message = Buffer.alloc(32)
  message.writeUInt32LE(message.length, 0)
  message.writeUInt16LE(RTM_GETLINK, 4)
  message.writeUInt16LE(NLM_F_REQUEST | flags, 6)
  message.writeInt32LE(index, 20)
  return message
}

const IFLA_IFNAME = 3

/** The names of the links in a datagram of RTM_NEWLINK messages. */
export function linkNames(datagram: Uint8Array): string[] {
  const bytes = Buffer.from(datagram)
  const names: string[] = []
  for (let at = 0; at + 16 <= bytes.length; at += (bytes.readUInt32LE(at) + 3) & ~3) {
    if (bytes.readUInt16LE(at + 4) !== RTM_NEWLINK) continue
    const end = at + bytes.readUInt32LE(at)
    for (let attr = at + 32; attr + 4 <= end; attr += (bytes.readUInt16LE(attr) + 3) & ~3)
      if (bytes.readUInt16LE(attr + 2) === IFLA_IFNAME)
        names.push(bytes.toString('latin1', attr + 4, attr + bytes.readUInt16LE(attr) - 1))
  }
  return names
}
