// The one error of this room: bytes that do not decode.

/** Bytes that are not what the format demands. `offset` is the place in the decoded buffer where it was noticed. */
export class WireError extends Error {
  readonly offset: number

  constructor(message: string, offset = 0) {
    super(`${message} (at byte ${offset})`)
    this.name = 'WireError'
    this.offset = offset
  }
}
