// What people and programs get to see: tables or JSON on stdout, two lines of trouble on stderr.
import { hintOf, messageOf } from '../runtime/error.js'

/** Columns aligned to their widest cell; an empty cell is shown as "-". */
export function formatTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, ...rows.map(row => row.map(cell => (cell === '' ? '-' : cell)))]
  const widths = titles.map((_, i) => Math.max(...lines.map(line => width(line[i] ?? ''))))
  const last = titles.length - 1
  const format = (line: readonly string[]) =>
    line.map((cell, i) => (i === last ? cell : cell + ' '.repeat(widths[i]! - width(cell)))).join('   ')
  return `${lines.map(format).join('\n')}\n`
}

/** `key  value` lines; a value of several lines goes on below its first. */
export function formatFields(fields: readonly (readonly [string, string])[]): string {
  const longest = Math.max(...fields.map(([key]) => key.length))
  const indent = `\n${' '.repeat(longest + 3)}`
  return fields.map(([key, value]) => `${key.padEnd(longest)}   ${value.replaceAll('\n', indent)}\n`).join('')
}

export function print(text: string): void {
  process.stdout.write(text)
}

export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`)
}

/** What failed in one line, what to do next in another; returns the exit status. */
export function reportFailure(error: unknown, { json }: { json: boolean }): number {
  const { status = 1, code } = error as { status?: number; code?: unknown }
  const message = oneLine(messageOf(error))
  const hint = hintOf(error)
  const text = json
    ? JSON.stringify({ error: message, ...(hint && { hint }), ...(code !== undefined && { code }) })
    : `plumbline: ${message}${hint ? `\n  next: ${oneLine(hint)}` : ''}`
  process.stderr.write(`${text}\n`)
  return status
}

/** Cut to fit, with a sign that it was. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(1, length - 1))}…`
}

/** Since when, in the largest unit that tells something. */
export function age(since: string, now: number = Date.now()): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000))
  const [size, unit] = (
    [
      [86_400, 'd'],
      [3600, 'h'],
      [60, 'min'],
      [1, 's'],
    ] as const
  ).find(([size]) => seconds >= size) ?? [1, 's']
  return `${Math.floor(seconds / size)} ${unit}`
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, '; ')
}

function width(text: string): number {
  return [...text].length
}
