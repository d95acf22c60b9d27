// The administrator's list of kernel settings that a configuration may change, where there is one: a regular expression a line,
// as the reference plugin has it.
import { readFileSync } from 'node:fs'
import type { Call } from '../../cni/call.js'
import { tuningDir } from '../../cni/directories.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { SysctlConfig } from './sysctl-config.js'

/** Throws CniError 7 that names the first setting which no line allows, or the line that is no regular expression. */
export function requireAllowed(call: Call, wishes: SysctlConfig): void {
  const lines = readAllowlist(`${tuningDir(call.env)}/allowlist.conf`)
  if (lines === undefined) return
  // An expression is meant for the dotted form, and written with a token where the configuration has it.
  for (const { key, dotted, value } of wishes)
    if (!lines.some(line => line.expression.test(key) || line.expression.test(dotted)))
      throw new CniError(
        CniCode.invalidConfig,
        `Sysctl ${key} is not allowed. Only the following sysctls are allowed: [${lines.map(line => line.text).join(' ')}]`,
        `it was to be ${JSON.stringify(value)}; no line of ${tuningDir(call.env)}/allowlist.conf matches its name`,
      )
}

interface Line {
  readonly text: string
  readonly expression: RegExp
}

/** Undefined when there is no such file: then everything is allowed. */
function readAllowlist(path: string): Line[] | undefined {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return content.split('\n').flatMap((line, i) => {
    const text = line.trim()
    return text === '' || text.startsWith('#')
      ? []
      : [{ text, expression: compile(text, `${path}:${i + 1}`) }]
  })
}

/** With the `u` flag what Go knows and JavaScript does not is an error, and not something else that is silently meant. */
function compile(text: string, where: string): RegExp {
  try {
    return new RegExp(text, 'u')
  } catch (error) {
    throw new CniError(
      CniCode.invalidConfig,
      `${where}: ${JSON.stringify(text)} is not a regular expression`,
      (error as Error).message,
    )
  }
}
