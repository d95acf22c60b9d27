// Errors toward the runtime. CNI SPEC 1.1.0, section 5 "Error".

/** Error codes: those of the SPEC, of libcni (8, 999), and our own from 100 on. */
export const CniCode = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  io: 5,
  decode: 6,
  invalidConfig: 7,
  invalidNetns: 8,
  tryAgain: 11,
  notAvailable: 50,
  notAvailableLimited: 51,
  /** What is attached is not what was asked for (CHECK). */
  checkFailed: 100,
  /** No address is left, or the requested one is taken. */
  addressUnavailable: 101,
  /** The attachment exists already, or a link with its name does. */
  alreadyAttached: 102,
  /** The kernel refused an operation. */
  kernel: 103,
  /** A delegated plugin failed without a CNI error of its own. */
  delegateFailed: 104,
  /** Several things failed; all of them are in `details`. */
  several: 105,
  /** A port of the host is another attachment's. */
  portHeld: 106,
  internal: 999,
} as const

/** A failure as the runtime sees it: `{ code, msg, details? }` on stdout. */
export class CniError extends Error {
  readonly code: number
  readonly details: string | undefined

  constructor(code: number, msg: string, details?: string, options?: ErrorOptions) {
    super(msg, options)
    this.name = 'CniError'
    this.code = code
    this.details = details
  }
}
