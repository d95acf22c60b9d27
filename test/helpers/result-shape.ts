// What an ADD result looks like in each version of the SPEC, for `t.match`.
import { atLeast, type Conf, type Subject, testsReference } from './subjects.js'

/** The shape of a dual-stack result of this executable. */
export function resultShape(subject: Subject, version: string): object {
  return atLeast(version, '0.3.0') ? newShape(subject, version) : oldShape()
}

function oldShape(): object {
  return {
    cniVersion: /^0\.[12]\.0$/,
    ip4: { ip: /^[\d.]+\/\d+$/ },
    ip6: { ip: /^[\da-f:]+\/\d+$/ },
    dns: {},
  }
}

function newShape(subject: Subject, version: string): object {
  const ips = ['4', '6'].map(family => ({
    ...(atLeast(version, '1.0.0') ? {} : { version: family }),
    address: family === '4' ? /^[\d.]+\/\d+$/ : /^[\da-f:]+\/\d+$/,
    ...(subject.attaches ? { interface: Number } : {}),
  }))
  return {
    cniVersion: version,
    ips,
    ...(subject.attaches ? { interfaces: interfacesOf(subject) } : {}),
  }
}

const macText = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/

/** The SPEC wants the container's interface with its sandbox; the order is the reference's, which people rely on. */
function interfacesOf({ type, behind }: Subject): object[] {
  if (type === 'loopback') return [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: String }]
  const container = { name: 'eth0', mac: macText, sandbox: /^\// }
  const hostEnd = { name: /^(pl|veth)/, mac: macText, sandbox: undefined }
  const bridge = { name: /^br/, mac: macText }
  const ifb = { name: testsReference ? /^bwp/ : /^plb/, mac: macText, sandbox: undefined }
  if (type === 'bandwidth') return [bridge, hostEnd, container, ifb]
  return type === 'bridge' || behind ? [bridge, hostEnd, container] : [hostEnd, container]
}

const keysSince: Readonly<Record<string, { readonly [key: string]: readonly [from: string, to?: string] }>> =
  {
    '': {
      cniVersion: ['0.1.0'],
      ip4: ['0.1.0', '0.3.0'],
      ip6: ['0.1.0', '0.3.0'],
      interfaces: ['0.3.0'],
      ips: ['0.3.0'],
      routes: ['0.3.0'],
      dns: ['0.1.0'],
    },
    interfaces: {
      name: ['0.3.0'],
      mac: ['0.3.0'],
      sandbox: ['0.3.0'],
      mtu: ['1.1.0'],
      socketPath: ['1.1.0'],
      pciID: ['1.1.0'],
    },
    ips: { version: ['0.3.0', '1.0.0'], address: ['0.3.0'], gateway: ['0.3.0'], interface: ['0.3.0'] },
    routes: {
      dst: ['0.1.0'],
      gw: ['0.1.0'],
      mtu: ['1.1.0'],
      advmss: ['1.1.0'],
      priority: ['1.1.0'],
      table: ['1.1.0'],
      scope: ['1.1.0'],
    },
    ip4: { ip: ['0.1.0'], gateway: ['0.1.0'], routes: ['0.1.0'] },
    ip6: { ip: ['0.1.0'], gateway: ['0.1.0'], routes: ['0.1.0'] },
  }

/** Keys of a result that its version does not know. */
export function strangeKeys(value: Conf, version: string, kind = ''): string[] {
  const known = keysSince[kind]
  if (!known) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const since = known[key]
    const fits = since && atLeast(version, since[0]) && !(since[1] && atLeast(version, since[1]))
    const below = (Array.isArray(inner) ? inner : [inner]).filter(each => typeof each === 'object')
    return [...(fits ? [] : [`${kind}.${key}`]), ...below.flatMap(each => strangeKeys(each, version, key))]
  })
}
