// Networks that ask for all there is, as chains of one plugin or of several. Between them they use every kind of object that plugins
// make on a host.
import type { Conf } from './subjects.js'

/** A host of either sort that tests have. */
export interface Place {
  readonly dataDir: string
}

export interface Network {
  readonly name: string
  /** The plugins' configurations, in the order of ADD. */
  confs(place: Place): Conf[]
}

const cniVersion = '1.1.0'

/** Requested, so that an attachment has the same addresses each time. */
export const own = (number: number) => [`10.${number}.0.7`, `fd00:${number}::7`] as const

const ipam = ({ dataDir }: Place, number: number) => ({
  type: 'host-local',
  dataDir,
  ranges: [[{ subnet: `10.${number}.0.0/24` }], [{ subnet: `fd00:${number}::/64` }]],
  routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
})

/** Every shape that a map or a reservation has. */
const ports: readonly Conf[] = [
  { hostPort: 8080, containerPort: 80 },
  { hostPort: 8081, containerPort: 80, protocol: 'udp' },
  { hostPort: '9000-9010', containerPort: '9000-9010', protocol: 'udp' },
  { hostPort: 53, containerPort: 5353, protocol: 'udp', hostIP: '192.0.2.7' },
  { hostPort: '60-61', containerPort: '60-61', hostIP: '2001:db8::7' },
  { hostPort: 8082, containerPort: 80, hostIP: '127.0.0.1' },
  { hostPort: 8082, containerPort: 80, hostIP: '::1' },
]

const limited = { ingressRate: 100e6, ingressBurst: 10e6, egressRate: 50e6, egressBurst: 5e6 }
const sysctl = { 'net.core.somaxconn': '500', 'net.ipv4.conf.IFNAME.arp_filter': '1' }

const bridge = (place: Place, number: number, name: string): Conf => ({
  cniVersion,
  name,
  type: 'bridge',
  bridge: `br${name}`,
  isDefaultGateway: true,
  ipMasq: true,
  macspoofchk: true,
  ipam: ipam(place, number),
  runtimeConfig: { ips: own(number) },
})

export const inlineBridge: Network = {
  name: 'bridge, all of it inline',
  confs: place => [
    {
      ...bridge(place, 1, 'inline'),
      portMappings: ports,
      bandwidth: limited,
      ingressPolicy: 'isolated',
      sysctl,
      mtu: 1400,
    },
  ],
}

export const inlinePtp: Network = {
  name: 'ptp, all of it inline',
  confs: place => [
    {
      cniVersion,
      name: 'routed',
      type: 'ptp',
      ipMasq: true,
      ipam: ipam(place, 2),
      runtimeConfig: { ips: own(2) },
      portMappings: ports,
      masqAll: true,
      conditionsV4: ['ip', 'saddr', '!=', '198.51.100.0/24'],
      conditionsV6: ['!', '-s', '2001:db8:1::/48'],
      bandwidth: limited,
      ingressPolicy: 'same-bridge',
      sysctl,
      mtu: 1400,
    },
  ],
}

/** Of the chained plugins, with the same keys. */
export const chainedConfs: Readonly<Record<string, Conf>> = {
  portmap: { type: 'portmap', runtimeConfig: { portMappings: ports } },
  bandwidth: { type: 'bandwidth', ...limited },
  firewall: { type: 'firewall', ingressPolicy: 'isolated' },
  tuning: { type: 'tuning', sysctl, mtu: 1400, allmulti: true, txQLen: 500 },
}

export const chained: Network = {
  name: 'bridge and the chained plugins',
  confs: place => [
    bridge(place, 3, 'chain'),
    ...Object.values(chainedConfs).map(conf => ({ cniVersion, name: 'chain', ...conf })),
  ],
}

export const networks: readonly Network[] = [inlineBridge, inlinePtp, chained]
