// Networks with everything on: the chain that runtimes put behind bridge, and the same in one plugin.
import type { ChainConf } from './chain.js'
import type { FakeHost } from './host.js'
import { type Conf, hostLocal } from './subjects.js'

const rates = { ingressRate: 100e6, ingressBurst: 10e6, egressRate: 100e6, egressBurst: 10e6 }

function bridge(host: FakeHost): Conf {
  return {
    type: 'bridge',
    bridge: 'brchain',
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: hostLocal(host, 5),
  }
}

/** bridge, portmap, bandwidth, firewall, tuning: the reference plugins take it, too. */
export function chainedNetwork(host: FakeHost): ChainConf {
  return {
    name: 'chained',
    cniVersion: '1.1.0',
    plugins: [
      bridge(host),
      { type: 'portmap', snat: true, capabilities: { portMappings: true } },
      { type: 'bandwidth', ...rates, capabilities: { bandwidth: true } },
      { type: 'firewall', ingressPolicy: 'same-bridge' },
      { type: 'tuning', sysctl: { 'net.core.somaxconn': '500' }, mtu: 1400 },
    ],
  }
}

/** ptp with the inline keys. */
export function routedNetwork(host: FakeHost): ChainConf {
  return {
    name: 'routed',
    cniVersion: '1.1.0',
    plugins: [
      {
        type: 'ptp',
        ipMasq: true,
        ipam: hostLocal(host, 6),
        bandwidth: rates,
        ingressPolicy: 'open',
        capabilities: { portMappings: true, bandwidth: true },
      },
    ],
  }
}

/** The same with the inline keys of bridge. */
export function inlineNetwork(host: FakeHost): ChainConf {
  return {
    name: 'inline',
    cniVersion: '1.1.0',
    plugins: [
      {
        ...bridge(host),
        bandwidth: rates,
        ingressPolicy: 'same-bridge',
        sysctl: { 'net.core.somaxconn': '500' },
        mtu: 1400,
        capabilities: { portMappings: true, bandwidth: true },
      },
    ],
  }
}
