// CNI plugins that do nothing but keep a diary: shell scripts, in a directory of the test's own.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface FakePlugins {
  /** For CNI_PATH. */
  readonly directory: string
  /** Adds a plugin; `result` is what its ADD prints. */
  add(type: string, result?: object | string): void
  /** From now on the verb prints `answer` and fails. */
  fail(type: string, verb: string, answer: object | string): void
  heal(type: string, verb: string): void
  /** What was run so far, in order: `type VERB`. */
  calls(): string[]
  /** Forgets what was run. */
  reset(): void
  /** The environment and the parsed stdin of the last call of this kind. */
  last(type: string, verb: string): { env: Record<string, string>; config: Config }
}

// biome-ignore lint/suspicious/noExplicitAny: looked into freely by tests
type Config = any

const script = (data: string) => `#!/bin/sh
type=\${0##*/}
data='${data}'
echo "$type $CNI_COMMAND" >> "$data/calls"
env | grep '^CNI_\\|^TRACEPARENT' > "$data/$type.$CNI_COMMAND.env"
[ "$CNI_COMMAND" = VERSION ] || cat > "$data/$type.$CNI_COMMAND.stdin"
if [ -f "$data/$type.$CNI_COMMAND.fail" ]; then cat "$data/$type.$CNI_COMMAND.fail"; exit 1; fi
if [ -f "$data/$type.$CNI_COMMAND.wait" ]; then read _ < "$data/$type.$CNI_COMMAND.wait"; fi
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["0.3.1","0.4.0","1.0.0","1.1.0"]}' ;;
ADD) cat "$data/$type.result" ;;
esac
`

/** Makes the directories inside `root`, which is the test's own. */
export function fakePlugins(root: string): FakePlugins {
  const directory = join(root, 'plugins')
  const data = join(root, 'diary')
  for (const path of [directory, data]) mkdirSync(path, { recursive: true })
  const text = (content: object | string) => (typeof content === 'string' ? content : JSON.stringify(content))
  return {
    directory,
    add(type, result = { cniVersion: '1.1.0', interfaces: [{ name: type }] }) {
      writeFileSync(join(data, `${type}.result`), text(result))
      writeFileSync(join(directory, type), script(data))
      chmodSync(join(directory, type), 0o755)
    },
    fail: (type, verb, answer) => writeFileSync(join(data, `${type}.${verb}.fail`), text(answer)),
    heal: (type, verb) => rmSync(join(data, `${type}.${verb}.fail`)),
    calls: () =>
      existsSync(join(data, 'calls')) ? readFileSync(join(data, 'calls'), 'utf8').trim().split('\n') : [],
    reset: () => rmSync(join(data, 'calls'), { force: true }),
    last: (type, verb) => ({
      env: Object.fromEntries(
        readFileSync(join(data, `${type}.${verb}.env`), 'utf8')
          .trim()
          .split('\n')
          .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ),
      config: JSON.parse(readFileSync(join(data, `${type}.${verb}.stdin`), 'utf8')),
    }),
  }
}
