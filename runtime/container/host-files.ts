// /etc/resolv.conf and /etc/hosts of a container.
import type { Dns, Result } from '../../cni/result.js'
import { readIfThere } from '../files.js'

/** resolv.conf(5) of what the networks say, or, when none says anything, of the host's less what only the host can reach. */
export function resolvConf(
  dns: readonly Dns[],
  hostText: string = readIfThere('/etc/resolv.conf') ?? '',
): string {
  const merged = merge(dns)
  if (merged.nameservers.length + merged.search.length + merged.options.length === 0)
    return hostText
      .split('\n')
      .filter(line => !/^\s*nameserver\s+(127\.|::1\s*$)/.test(line))
      .join('\n')
  return [
    ...(merged.search.length > 0 ? [`search ${merged.search.join(' ')}`] : []),
    ...merged.nameservers.map(server => `nameserver ${server}`),
    ...(merged.options.length > 0 ? [`options ${merged.options.join(' ')}`] : []),
    '',
  ].join('\n')
}

/** hosts(5): loopback, and the container's own name at each of its addresses. */
export function hostsFile(hostname: string, results: readonly Result[]): string {
  const own = results.flatMap(result => result.ips.map(({ address }) => `${address.ip}\t${hostname}`))
  return ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', ...own, ''].join('\n')
}

function merge(dns: readonly Dns[]) {
  const unique = (lists: readonly (readonly string[] | undefined)[]) => [
    ...new Set(lists.flatMap(list => list ?? [])),
  ]
  const domains = dns.map(({ domain, search }) => [...(domain ? [domain] : []), ...(search ?? [])])
  return {
    nameservers: unique(dns.map(({ nameservers }) => nameservers)),
    search: unique(domains),
    options: unique(dns.map(({ options }) => options)),
  }
}
