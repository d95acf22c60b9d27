// Names that people give. They become parts of file names and CNI parameters, so nothing that leads elsewhere gets through.
import { RuntimeError } from './error.js'

/** CNI SPEC 1.1.0: container IDs and network names begin with a letter or digit and go on with these. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/
const maxName = 128

export function isName(text: string): boolean {
  return namePattern.test(text) && text.length <= maxName && !text.includes('..')
}

/** Returns the name. Throws a RuntimeError that says `what` it is a bad name for. */
export function requireName(what: string, text: string): string {
  if (isName(text)) return text
  throw new RuntimeError(
    `not a name for a ${what}: ${JSON.stringify(text)}`,
    `use letters, digits, "_", "." and "-", beginning with a letter or digit, no "..", at most ${maxName} characters`,
  )
}

/** Returns the name of a network interface. linux/if.h: IFNAMSIZ counts the closing NUL. */
export function requireIfname(text: string): string {
  if (/^[^\s/:]{1,15}$/.test(text) && text !== '.' && text !== '..') return text
  throw new RuntimeError(
    `not a name for a network interface: ${JSON.stringify(text)}`,
    'use at most 15 characters, without "/", ":" and blanks',
  )
}
