// What tools/capture.mjs captured, for tests.
import { readFileSync } from 'node:fs'
import { decodeMessages, type NlMessage } from '../../wire/netlink/message.js'

export interface Capture {
  readonly command: string
  readonly error?: string
  readonly sent: readonly NlMessage[]
  readonly received: readonly NlMessage[]
}

// From dist/lib/test/helpers to the repository.
const directory = new URL('../../../../test/golden/', import.meta.url)

/** The captures of an area, 'route/link' for instance. */
export function golden(area: string): Capture[] {
  const { captures } = JSON.parse(readFileSync(new URL(`${area}.json`, directory), 'utf8')) as {
    captures: { command: string; error?: string; sent: string[]; received: string[] }[]
  }
  return captures.map(capture => ({
    ...capture,
    sent: capture.sent.flatMap(messages),
    received: capture.received.flatMap(messages),
  }))
}

/** The message that a command sent: the last one of the wanted type. */
export function sentBy(captures: readonly Capture[], command: string, type: number): NlMessage {
  const capture = captures.find(candidate => candidate.command === command)
  const message = capture?.sent.findLast(candidate => candidate.type === type)
  if (message === undefined) throw new Error(`no message of type ${type} was captured of: ${command}`)
  return message
}

/** A value as JSON has it: addresses as text, bytes in hex, big integers in decimal. */
export function plain(value: unknown): unknown {
  const replace = (_: string, v: unknown) => {
    if (typeof v === 'bigint') return String(v)
    if (v instanceof Uint8Array) return Buffer.from(v).toString('hex')
    const { type, data } = (v ?? {}) as { type?: unknown; data?: unknown }
    // Buffers come here as Buffer.prototype.toJSON left them.
    return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data).toString('hex') : v
  }
  return JSON.parse(JSON.stringify(value, replace))
}

function messages(hex: string): NlMessage[] {
  return [...decodeMessages(Buffer.from(hex, 'hex'))]
}
