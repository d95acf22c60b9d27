// Everything a network namespace holds, as the tools of the distribution print it, without what changes by itself
// (timers, counters, handles, carrier, kernel-made link-local addresses): two of these compare exactly.
import { sh } from './sh.js'

export interface NetnsWorld {
  readonly links: Readonly<Record<string, unknown>>
  readonly addresses: readonly string[]
  readonly routes: readonly string[]
  readonly rules: readonly string[]
  readonly neighbours: readonly string[]
  readonly qdiscs: readonly string[]
  readonly nft: readonly string[]
  readonly sysctls: readonly string[]
}

const commands = [
  'ip -j -d link show',
  'ip -j address show',
  'ip -j -4 route show table all',
  'ip -j -6 route show table all',
  'ip -j -4 rule show',
  'ip -j -6 rule show',
  'ip -j neighbour show nud permanent',
  'tc -j qdisc show',
  'nft -j list ruleset',
  'cd /proc/sys/net; grep -s . ipv4/ip_forward ipv6/conf/all/forwarding || true',
]

/** Reads one namespace; `path` is a namespace file. Costs about 15 ms. */
export function netnsWorld(path: string): NetnsWorld {
  const [links, addresses, routes4, routes6, rules4, rules6, neighbours, qdiscs, nft, sysctls] = sh(
    commands.map(command => `(${command}); echo '@@'`).join('\n'),
    path,
  ).split('@@\n') as string[]
  return {
    links: Object.fromEntries(objects(links).map(link => [link.ifname, linkFacts(link)])),
    addresses: sorted(objects(addresses).flatMap(addressTexts)),
    routes: sorted([...objects(routes4), ...objects(routes6)].filter(isOurRoute).map(routeText)),
    rules: sorted([...objects(rules4), ...objects(rules6)].map(text)),
    neighbours: sorted(objects(neighbours).map(n => text(pick(n, ['dst', 'dev', 'lladdr', 'proxy'])))),
    qdiscs: sorted(
      objects(qdiscs)
        .filter(qdisc => qdisc.kind !== 'noqueue')
        .map(q => text(pick(q, ['dev', 'kind', 'handle', 'parent', 'root', 'options']))),
    ),
    nft: nftTexts(nft ?? ''),
    sysctls: (sysctls ?? '').trim().split('\n'),
  }
}

type Json = Record<string, unknown>

function objects(json: string | undefined): Json[] {
  const trimmed = json?.trim() ?? ''
  return trimmed === ''
    ? []
    : (JSON.parse(trimmed) as Json[]).filter(object => Object.keys(object).length > 0)
}

function pick(object: Json, keys: readonly string[]): Json {
  return Object.fromEntries(keys.filter(key => object[key] !== undefined).map(key => [key, object[key]]))
}

const text = (value: unknown) => JSON.stringify(value)
const sorted = (lines: string[]) => lines.sort()

function linkFacts(link: Json): Json {
  const info = (link.linkinfo ?? {}) as Json
  const port = (info.info_slave_data ?? {}) as Json
  const flags = ((link.flags ?? []) as string[]).filter(flag => /^(UP|PROMISC|ALLMULTI|NOARP)$/.test(flag))
  return {
    ...pick(link, ['ifindex', 'mtu', 'address', 'master', 'group', 'txqlen', 'ifalias', 'altnames']),
    flags,
    kind: info.info_kind ?? link.link_type,
    port: pick(port, ['hairpin', 'isolated', 'learning', 'flood', 'guard', 'proxy_arp', 'neigh_suppress']),
    bridge: pick((info.info_data ?? {}) as Json, [
      'vlan_filtering',
      'stp_state',
      'forward_delay',
      'vlan_default_pvid',
    ]),
  }
}

function addressTexts(link: Json): string[] {
  return ((link.addr_info ?? []) as Json[])
    .filter(address => !String(address.local).startsWith('fe80:'))
    .map(a =>
      text({
        dev: link.ifname,
        ...pick(a, ['local', 'prefixlen', 'address', 'scope', 'label', 'metric']),
      }),
    )
}

/** What the kernel derives from addresses in its own time (table local, link-local, multicast) says nothing of its own. */
function isOurRoute(route: Json): boolean {
  return !/^(fe80:|ff00::|multicast ff00)/.test(String(route.dst)) && route.table !== 'local'
}

function routeText(route: Json): string {
  const { flags: _flags, pref: _pref, expires: _expires, cache: _cache, ...rest } = route
  return text(rest)
}

/** Rules in their order, set elements sorted; no handles, no counts. */
function nftTexts(json: string): string[] {
  const { nftables } = JSON.parse(json) as { nftables: Json[] }
  return nftables
    .filter(object => object.metainfo === undefined)
    .map(object =>
      JSON.stringify(object, (key, value) => {
        if (key === 'handle' || key === 'expires') return undefined
        if (key === 'packets' || key === 'bytes') return 0
        if (key === 'elem' && Array.isArray(value))
          return [...value].sort((a, b) => (text(a) < text(b) ? -1 : 1))
        return value
      }),
    )
}
