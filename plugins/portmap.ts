// portmap: publishes ports of a container on the host. Keys and behaviour of the reference plugin of the same name; see
// docs/plugins/portmap.md for the differences.
import { allVersions } from '../cni/plugin.js'
import { stepPlugin } from '../cni/steps.js'
import { beginChained, type ChainState, closeChained } from './chained.js'
import { mayPublish, type PublishConfig, publishConfig } from './portmap/config.js'
import { publishEntries } from './portmap/entries.js'
import { guardStep, requireNftables } from './steps/guard.js'
import { localhostStep } from './steps/localhost.js'

interface Config {
  readonly publish: PublishConfig | undefined
}

type State = ChainState<Config>

const guard = guardStep<State>({
  wanted: ({ config }) => config.publish !== undefined,
  entriesOf: state => publishEntries(state, state.config.publish!),
  mayHave: mayPublish,
})

export const portmap = stepPlugin<Config, State>({
  type: 'portmap',
  about: 'Plumbline portmap: publishes ports of a container on the host',
  versions: allVersions,
  parse: call => ({ publish: publishConfig(call, 'chained') }),
  begin: beginChained,
  steps: [
    // STATUS knows nothing of the ports that are to come.
    { ...guard, status: (_call, _config, host) => requireNftables(host) },
    localhostStep<State>({ publishOf: ({ config }) => config.publish, chained: true }),
  ],
  result: state => state.previous,
  end: closeChained,
})
