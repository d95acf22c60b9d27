// The target namespace of a call: CNI_NETNS, opened and looked at before anything is touched.
// CNI SPEC 1.1.0, section 2 "Parameters" and section 5 "Error" (codes 3 and 4); code 8 is libcni's.
import { closeSync, fstatSync, type Stats, statSync } from 'node:fs'
import { isErrno, isNotFound, KernelError } from '../kernel/error.js'
import { isNetns, netnsIdentity, openNetns, ownNetns, sameNetns } from '../kernel/netns.js'
import type { Netns, RawCall } from './call.js'
import type { Parameters } from './environment.js'
import { CniCode, CniError } from './error.js'
import type { Logger } from './log.js'

/** Holds the descriptor of a call's namespace, whether it came with the call or is opened here; dispose closes it. */
export class TargetNetns implements Disposable {
  readonly #raw: RawCall
  #fd: number | undefined

  /** Takes over `raw.netnsFd`. */
  constructor(raw: RawCall) {
    this.#raw = raw
    this.#fd = raw.netnsFd
  }

  /**
   * The namespace of ADD, DEL or CHECK. Undefined for a DEL whose namespace is gone: there is no such file, or only the
   * empty one that an unmounted namespace leaves behind. Throws CniError 3 when it is gone for the other verbs, 4 for a
   * file that is no network namespace, 5 when it can't be opened, and 8 when it is the one we live in (unless
   * CNI_NETNS_OVERRIDE is 1 or true).
   */
  open(parameters: Parameters, log: Logger): Netns | undefined {
    const { verb, netnsPath: path } = parameters
    if (path === '') return undefined
    try {
      this.#fd ??= openPath(path, this.#raw.netnsErrno)
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      const { code, message } = error
      if (isNotFound(error) || isErrno(error, 'ENOTDIR')) return gone(parameters, log)
      if (isErrno(error, 'EINVAL', 'ENXIO', 'ELOOP', 'ENAMETOOLONG'))
        return noNamespace(statOf(path), parameters, log)
      throw new CniError(CniCode.io, `cannot open CNI_NETNS ${path}: ${code}`, message)
    }
    if (!isNetns(this.#fd)) return noNamespace(fstatSync(this.#fd), parameters, log)
    const identity = netnsIdentity(this.#fd)
    if (!/^(1|true)$/i.test(this.#raw.env.CNI_NETNS_OVERRIDE ?? '') && sameNetns(identity, ownNetns()))
      throw new CniError(
        CniCode.invalidNetns,
        "plugin's netns and netns from CNI_NETNS should not be the same",
        `CNI_NETNS ${path} is the network namespace the plugin runs in; ${verb} would change the host`,
      )
    return { path, fd: this.#fd, identity }
  }

  [Symbol.dispose](): void {
    try {
      if (this.#fd !== undefined) closeSync(this.#fd)
    } catch {
      // A descriptor that was none: the call has said so, and its answer must not be lost here.
    }
    this.#fd = undefined
  }
}

/** Opens the path, or fails as the launcher did. */
function openPath(path: string, launcherErrno: number | undefined): number {
  if (launcherErrno !== undefined) throw new KernelError('netns open', path, launcherErrno)
  return openNetns(path)
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

function gone({ verb, netnsPath }: Parameters, log: Logger): undefined {
  if (verb !== 'DEL')
    throw new CniError(
      CniCode.unknownContainer,
      `CNI_NETNS ${netnsPath} does not exist`,
      'the container is gone',
    )
  log.info('the namespace is gone; deleting what is outside of it', { netns: netnsPath })
  return undefined
}

function noNamespace(stat: Stats | undefined, parameters: Parameters, log: Logger): undefined {
  // All namespaces are empty files, too, on one device.
  const isPlain = stat?.isFile() && stat.size === 0 && stat.dev !== ownNetns().dev
  if (parameters.verb === 'DEL' && isPlain) return gone(parameters, log)
  throw new CniError(
    CniCode.invalidEnvironment,
    `CNI_NETNS ${parameters.netnsPath} is not a network namespace`,
  )
}
