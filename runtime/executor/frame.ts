// What the launcher sends and what it is answered. The other half is native/launcher. Little-endian throughout.
//
//   request   u32 magic "PLB1", u32 protocol, 16 bytes build id, u32 length of env, u32 length of stdin,
//             env (NUL-terminated KEY=VALUE), stdin; descriptors [stderr] or [stderr, netns] ride on the first byte
//   answer    'A' accepted | 'V' another build | 'D' draining;
//             after 'A': u32 exit code, u32 length of stdout, stdout

export const headerLength = 32
const magic = 0x31424c50
const protocol = 1
const maximumEnv = 4 << 20
const maximumStdin = 4 << 20

export const Answer = { accepted: 0x41, otherBuild: 0x56, draining: 0x44 } as const

export interface Header {
  readonly buildId: string
  readonly envLength: number
  readonly stdinLength: number
}

/** Undefined when the bytes are not a request of this protocol, or one too long. */
export function decodeHeader(bytes: Buffer): Header | undefined {
  const header = {
    buildId: bytes.toString('latin1', 8, 24),
    envLength: bytes.readUInt32LE(24),
    stdinLength: bytes.readUInt32LE(28),
  }
  if (bytes.readUInt32LE(0) !== magic || bytes.readUInt32LE(4) !== protocol) return undefined
  return header.envLength <= maximumEnv && header.stdinLength <= maximumStdin ? header : undefined
}

export function decodeEnv(bytes: Buffer): Record<string, string> {
  const env: Record<string, string> = Object.create(null)
  for (const entry of bytes.toString('utf8').split('\0')) {
    const equals = entry.indexOf('=')
    if (equals > 0) env[entry.slice(0, equals)] ??= entry.slice(equals + 1)
  }
  return env
}

export function encodeAnswer(exitCode: number, stdout: string): Buffer {
  const body = Buffer.from(stdout)
  const head = Buffer.alloc(8)
  head.writeUInt32LE(exitCode, 0)
  head.writeUInt32LE(body.length, 4)
  return Buffer.concat([head, body])
}
