// Compares bytes so that a difference can be read: got and wanted side by side, four bytes a line, '!' where they differ.
import type { Test } from 'tap'

/** Passes when the bytes are equal; otherwise fails with the side-by-side hexdump as its diagnostics. */
export function matchBytes(t: Test, got: Uint8Array, want: Uint8Array, message = 'bytes are equal'): boolean {
  if (Buffer.compare(got, want) === 0) return t.pass(message)
  return t.fail(message, { diff: diffBytes(got, want) })
}

/** The hexdump: offset, got, wanted. */
export function diffBytes(got: Uint8Array, want: Uint8Array): string {
  const lines = [`         ${'got'.padEnd(20)}wanted`]
  for (let at = 0; at < Math.max(got.length, want.length); at += 4) {
    const left = row(got.subarray(at, at + 4))
    const right = row(want.subarray(at, at + 4))
    lines.push(
      `${left === right ? ' ' : '!'} ${at.toString(16).padStart(5, '0')}  ${left.padEnd(20)}${right}`,
    )
  }
  return lines.join('\n')
}

function row(bytes: Uint8Array): string {
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ')
  const text = Array.from(bytes, byte => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.')).join(
    '',
  )
  return bytes.length === 0 ? '' : `${hex.padEnd(13)}${text}`
}
