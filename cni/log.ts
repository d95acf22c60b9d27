// Logs of plugins: one JSON object a line on stderr, tied to the caller's trace where there is one.
// https://www.w3.org/TR/trace-context/ (TRACEPARENT as environment variable: OpenTelemetry's convention, sent by libcni)

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** Only flat values: a configuration or an input document, which may hold secrets, does not fit in. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>

export interface Logger {
  error(msg: string, fields?: LogFields): void
  warn(msg: string, fields?: LogFields): void
  info(msg: string, fields?: LogFields): void
  debug(msg: string, fields?: LogFields): void
  /** Passes a line through as it is, at every level: the stderr of a delegated plugin. */
  print(line: string): void
  /** The same logger with more fields in every entry; later ones win. */
  with(fields: LogFields): Logger
}

const levels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']

/**
 * Makes a logger that writes through `write` (a line without its newline). PLUMBLINE_LOG gives the level, by default
 * `warn`; TRACEPARENT, when it is well-formed, adds `traceparent` and `traceId` to every entry. Never throws.
 */
export function createLogger(
  env: Readonly<Record<string, string | undefined>>,
  write: (line: string) => void,
  fields: LogFields = {},
): Logger {
  const print = (line: string) => {
    try {
      write(line)
    } catch {
      // A caller who closed his end of stderr does not want to read; the call goes on.
    }
  }
  const wanted = env.PLUMBLINE_LOG
  const known = levels.indexOf(wanted as LogLevel)
  const logger = makeLogger(known < 0 ? levels.indexOf('warn') : known, print, { ...fields, ...trace(env) })
  if (known < 0 && wanted)
    logger.warn(`PLUMBLINE_LOG is ${JSON.stringify(wanted)}: expected ${levels.join(', ')}; using warn`)
  return logger
}

function makeLogger(threshold: number, write: (line: string) => void, context: LogFields): Logger {
  const at = (level: LogLevel) => {
    if (levels.indexOf(level) > threshold) return () => {}
    return (msg: string, fields?: LogFields) =>
      write(JSON.stringify({ time: new Date().toISOString(), level, msg, ...context, ...fields }))
  }
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    print: write,
    with: fields => makeLogger(threshold, write, { ...context, ...fields }),
  }
}

function trace(env: Readonly<Record<string, string | undefined>>): LogFields {
  const traceparent = env.TRACEPARENT
  const traceId = traceparent === undefined ? undefined : parseTraceparent(traceparent)
  return traceId === undefined ? {} : { traceparent, traceId }
}

/**
 * The trace id of a W3C `traceparent`, undefined when it is malformed: version ff, an id of zeros, upper case. Versions
 * after 00 may carry more fields.
 */
export function parseTraceparent(text: string): string | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(text)
  if (!match) return undefined
  const [, version, traceId, parentId, more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  return /^0+$/.test(traceId!) || /^0+$/.test(parentId!) ? undefined : traceId
}
