// host-local: leases addresses of this machine's ranges, kept as files on its disk. CNI SPEC 1.1.0 section 4, delegated
// plugins. The directory is the reference plugin's, in its format and under its lock: both can be used in turn.
//
//   host-local/config.ts     what is configured         host-local/leases.ts      operations under the lock
//   host-local/range.ts      ranges and their rules     host-local/store.ts       the lease directory
//   host-local/allocator.ts  which address is next      host-local/index-file.ts  the index, and when it is valid
import type { Call } from '../cni/call.js'
import { runDir } from '../cni/directories.js'
import { CniCode, CniError } from '../cni/error.js'
import { messageOf } from '../cni/failure.js'
import { allVersions, type Plugin } from '../cni/plugin.js'
import type { Result } from '../cni/result.js'
import { Prefix } from '../wire/ip.js'
import { systemBoot } from './host-local/boot.js'
import { checkLeases } from './host-local/check.js'
import { directoryOf, type HostLocalConfig, parseConfig } from './host-local/config.js'
import { systemFiles } from './host-local/files.js'
import { leaseText, type Owner } from './host-local/lease.js'
import type { Leases, Machine } from './host-local/leases.js'
import { checkWritable, makeDirectory, withLeases } from './host-local/locked.js'
import { readResolvConf } from './host-local/resolv-conf.js'

/** The plugin on another machine than this one: for tests. */
export function createHostLocal(machine: Machine): Plugin<HostLocalConfig> {
  /** Undefined when the network has no directory, hence no leases. */
  const locked = <T>(call: Call, directory: string, body: (leases: Leases) => T): Promise<T | undefined> =>
    withLeases({ directory, runDir: runDir(call.env), machine, log: call.log }, body)

  return {
    type: 'host-local',
    about: 'Plumbline host-local: leases addresses from ranges of this machine',
    versions: allVersions,
    parse: parseConfig,

    async add(call, config): Promise<Result> {
      const dns = config.resolvConf === undefined ? {} : readResolvConf(config.resolvConf)
      const reserve = (leases: Leases) => leases.reserve(ownerOf(call), config.wanted)
      let picks = await locked(call, config.directory, reserve)
      if (picks === undefined) {
        makeDirectory(machine.files, config.directory)
        picks = await locked(call, config.directory, reserve)
      }
      if (picks === undefined)
        throw new CniError(
          CniCode.tryAgain,
          `${config.directory} was removed while an address was leased there`,
        )
      const ips = picks.map(({ ip, range }) => ({
        address: new Prefix(ip, range.subnet.length),
        gateway: range.gateway,
      }))
      return { interfaces: [], ips, routes: config.routes, dns }
    },

    async del(call, config): Promise<void> {
      await locked(call, config?.directory ?? directoryOf(call), leases => leases.release(ownerOf(call)))
    },

    async check(call, config): Promise<void> {
      const owner = ownerOf(call)
      const held = await locked(call, config.directory, leases => leases.held(owner))
      checkLeases(owner, held ?? [], config, call.prevResult)
    },

    async gc(call, config): Promise<void> {
      const valid = new Set(call.validAttachments.map(leaseText))
      // Old leases do not say for which of the container's interfaces they are.
      const containers = new Set(call.validAttachments.map(({ containerId }) => containerId))
      const keep = (owner: Owner) =>
        owner.ifname === undefined ? containers.has(owner.containerId) : valid.has(leaseText(owner))
      const done = await locked(call, config.directory, leases => leases.retain(keep))
      if (done === undefined) return
      call.log.info('leases collected', { released: done.released.length })
      if (done.errors.length > 0) throw new AggregateError(done.errors, 'some leases could not be released')
    },

    async status(call, config): Promise<void> {
      try {
        const done = await locked(call, config.directory, leases => {
          leases.probe()
          for (const { set } of config.wanted) leases.requireFree(set)
          return true
        })
        if (done === undefined) checkWritable(machine.files, config.directory)
      } catch (error) {
        throw new CniError(
          CniCode.notAvailable,
          `no address can be leased: ${messageOf(error)}`,
          error instanceof CniError ? error.details : undefined,
          { cause: error },
        )
      }
    },
  }
}

export const hostLocal = createHostLocal({ files: systemFiles, boot: systemBoot() })

function ownerOf({ containerId, ifname }: Call): Owner {
  return { containerId, ifname }
}
