// All verbs of the command, by groups, each with what --help says of it and where its code is.
import type { Command } from 'commander'

/** What a file in commands/ exports: its options and arguments, and what it does. */
export interface VerbModule {
  define(command: Command): void
}

export interface Verb {
  readonly name: string
  readonly group: string
  readonly summary: string
  load(): Promise<VerbModule>
}

const containers = 'Containers:'
const networks = 'Networks:'
const upkeep = 'Upkeep:'

export const verbs: readonly Verb[] = [
  {
    name: 'run',
    group: containers,
    summary: 'run a command in a new container',
    load: () => import('./commands/run.js'),
  },
  {
    name: 'exec',
    group: containers,
    summary: 'run one more command in a running container',
    load: () => import('./commands/exec.js'),
  },
  {
    name: 'ps',
    group: containers,
    summary: 'list containers and attached namespaces',
    load: () => import('./commands/ps.js'),
  },
  {
    name: 'inspect',
    group: containers,
    summary: 'show all that is known of a container',
    load: () => import('./commands/inspect.js'),
  },
  {
    name: 'rm',
    group: containers,
    summary: 'remove containers with all that belongs to them',
    load: () => import('./commands/rm.js'),
  },
  {
    name: 'attach',
    group: networks,
    summary: 'attach a network namespace to networks',
    load: () => import('./commands/attach.js'),
  },
  {
    name: 'detach',
    group: networks,
    summary: 'detach a network namespace from networks',
    load: () => import('./commands/detach.js'),
  },
  {
    name: 'network',
    group: networks,
    summary: 'list, inspect, create and clear away networks',
    load: () => import('./commands/network.js'),
  },
  {
    name: 'limit',
    group: containers,
    summary: 'change how fast a running container may send and receive',
    load: () => import('./commands/limit.js'),
  },
  {
    name: 'ports',
    group: networks,
    summary: 'list published ports, with packets and bytes',
    load: () => import('./commands/ports.js'),
  },
  {
    name: 'status',
    group: upkeep,
    summary: 'say whether networks could take a container now',
    load: () => import('./commands/status.js'),
  },
  {
    name: 'check',
    group: upkeep,
    summary: 'verify that attachments are as they should be',
    load: () => import('./commands/check.js'),
  },
  {
    name: 'gc',
    group: upkeep,
    summary: 'put away what dead containers left behind',
    load: () => import('./commands/gc.js'),
  },
  {
    name: 'repair',
    group: upkeep,
    summary: 'put back what somebody has taken out of the packet filter',
    load: () => import('./commands/repair.js'),
  },
  {
    name: 'resident',
    group: upkeep,
    summary: 'look at or stop the process that answers plugin calls',
    load: () => import('./commands/resident.js'),
  },
]
