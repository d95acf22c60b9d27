// Failures that a person reads: what failed, and what to do next.

/** `message` says what failed in one line; `hint`, where there is one, what to do about it in another. */
export class RuntimeError extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RuntimeError'
    this.hint = hint
  }
}

/** Several things went wrong where everything had to be tried; one RuntimeError when it was one thing. */
export function combined(what: string, errors: readonly unknown[]): Error {
  if (errors.length === 1 && errors[0] instanceof Error) return errors[0]
  return new RuntimeError(`${what}: ${errors.map(messageOf).join('; ')}`, hintOf(errors[0]), {
    cause: new AggregateError(errors),
  })
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The hint of a RuntimeError, or the details of a CNI error, which by convention say what to do. */
export function hintOf(error: unknown): string | undefined {
  const { hint, details } = (error ?? {}) as { hint?: unknown; details?: unknown }
  if (typeof hint === 'string') return hint
  return typeof details === 'string' ? details : undefined
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}
