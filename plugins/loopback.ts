// loopback: brings `lo` up. It has no keys and ignores CNI_IFNAME: the interface is always `lo`.

import type { Call } from '../cni/call.js'
import { CniCode, CniError } from '../cni/error.js'
import { allVersions, type Plugin } from '../cni/plugin.js'
import type { Result } from '../cni/result.js'
import { Namespace } from '../kernel/namespace.js'
import { Prefix } from '../wire/ip.js'
import { IFF_UP } from '../wire/route/constants.js'

export const loopback: Plugin<undefined> = {
  type: 'loopback',
  about: 'Plumbline loopback: brings the loopback interface up',
  versions: allVersions,
  parse: () => undefined,

  async add(call) {
    using namespace = Namespace.open(call.netns!.fd)
    const { index } = lo(namespace, call)
    const foreign = namespace.addr.list({ index }).find(a => !a.address.ip.isLoopback())
    if (foreign)
      throw new CniError(
        CniCode.invalidNetns,
        `loopback interface has the non-loopback address ${foreign.address} in ${call.netnsPath}`,
        'is CNI_NETNS the namespace that was meant?',
      )
    namespace.link.set({ index, up: true })
    return call.prevResult ?? loResult(namespace, index, call.netnsPath)
  },

  async del(call) {
    if (!call.netns) return
    using namespace = Namespace.open(call.netns.fd)
    namespace.link.set({ index: lo(namespace, call).index, up: false })
  },

  async check(call) {
    using namespace = Namespace.open(call.netns!.fd)
    if ((lo(namespace, call).flags & IFF_UP) === 0)
      throw new CniError(CniCode.checkFailed, `interface lo is down in ${call.netnsPath}`)
  },

  async gc() {}, // `lo` dies with its namespace

  async status() {},
}

function lo(namespace: Namespace, call: Call) {
  const link = namespace.link.get('lo')
  if (!link) throw new CniError(CniCode.unknownContainer, `no loopback interface in ${call.netnsPath}`)
  return link
}

function loResult(namespace: Namespace, index: number, sandbox: string): Result {
  const addresses = namespace.addr.list({ index }).map(a => a.address)
  return {
    interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox }],
    ips: ['127.0.0.1/8', '::1/128']
      .map(text => Prefix.parse(text))
      .filter(prefix => addresses.some(a => a.equals(prefix)))
      .map(address => ({ address, interface: 0 })),
    routes: [],
    dns: {},
  }
}
