// What limits need of the kernel, tried out in a namespace of its own that is gone at once: nothing on the host changes.
import { closeSync } from 'node:fs'
import { isErrno } from '../../kernel/error.js'
import { Namespace } from '../../kernel/namespace.js'
import { createNetns, openNetns, removeNetns } from '../../kernel/netns.js'
import { shapeOf } from './shape.js'
import { divert, limitLink, makeIfb, matchAll, openIngress } from './shaper.js'

const MTU = 1500
const LOOPBACK = 1

let missing: readonly string[] | undefined

/** The CONFIG_ options that the kernel lacks; asks it once. `directory` takes a file for a moment. */
export function missingOptions(directory: string): readonly string[] {
  missing ??= inThrowAwayNamespace(directory, tryAll)
  return missing
}

/** Makes what an ADD makes, one after the other, in a namespace where nothing is. */
export function tryAll(kernel: Namespace): string[] {
  const lacking: string[] = []
  const works = (option: string, attempt: () => unknown): boolean => {
    try {
      attempt()
      return true
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'EOPNOTSUPP')) throw error
      lacking.push(option)
      return false
    }
  }
  const shape = shapeOf({ rate: 1e6 }, MTU)
  works('CONFIG_IFB', () => makeIfb(kernel, 'ifb', MTU))
  works('CONFIG_NET_SCH_TBF', () => limitLink(kernel, { index: LOOPBACK, mtu: MTU }, shape, 'add'))
  if (!works('CONFIG_NET_SCH_INGRESS', () => openIngress(kernel, LOOPBACK))) return lacking
  if (works('CONFIG_NET_CLS_U32', () => matchAll(kernel, LOOPBACK)))
    works('CONFIG_NET_ACT_MIRRED', () => divert(kernel, LOOPBACK, LOOPBACK))
  return lacking
}

function inThrowAwayNamespace<T>(directory: string, work: (kernel: Namespace) => T): T {
  const path = `${directory}/probe-${process.pid}`
  removeNetns(path) // where one was killed at this
  createNetns(path)
  let fd: number
  try {
    fd = openNetns(path)
  } finally {
    removeNetns(path)
  }
  try {
    using kernel = Namespace.open(fd)
    return work(kernel)
  } finally {
    closeSync(fd)
  }
}
