// Names of kernel settings as people write them: sysctl(8) takes '.' and '/' between the parts, and so does the reference
// plugin. Interface names may hold dots, too, but they stand in known places: net/<protocol>/conf/<name>/<setting>, and neigh.
import { CniCode, CniError } from '../../cni/error.js'

export interface SysctlKey {
  /** Below /proc/sys: 'net/ipv4/conf/eth0.100/forwarding'. */
  readonly path: string
  /** As sysctl(8) prints it, with the token where it was: 'net.ipv4.conf.IFNAME.forwarding', 'net.ipv4.conf.eth0/100.forwarding'. */
  readonly dotted: string
  /** A setting of the container's own interface. */
  readonly own: boolean
}

/** What stands for the name of the container's interface. */
const token = 'IFNAME'

/**
 * Reads a key, in which 'IFNAME' stands for `ifname`. '.' and '/' separate alike, so that every spelling of sysctl(8) and of the
 * reference plugin is the setting that it was meant to be. `where` names the object that has it, for the error: CniError 7 for
 * what is not below net/, and for parts that are empty ('..', too) or can't be a name.
 */
export function parseSysctlKey(key: string, ifname: string, where: string): SysctlKey {
  const split = key.split(/[./]/)
  if (split.length < 2 || split.some(part => !/^[^\s\p{Cc}]+$/u.test(part)))
    throw invalid(key, `${where} takes names like "net.core.somaxconn", without empty parts`)
  if (split[0] !== 'net')
    throw invalid(key, `${where} takes settings below net, which each network namespace has for itself`)
  const parts = joinIfname(split)
  const named = parts.findIndex(part => part.includes(token))
  const resolved =
    ifname === '' ? parts : parts.map((part, i) => (i === named ? part.replace(token, ifname) : part))
  return {
    path: resolved.join('/'),
    dotted: parts.map(part => part.replaceAll('.', '/')).join('.'),
    own: isOfInterface(parts) && resolved[ifnamePart] === ifname,
  }
}

/** The path of an interface's setting while the interface has another name. */
export function pathOfInterface(path: string, ifname: string): string {
  const parts = path.split('/')
  parts[ifnamePart] = ifname
  return parts.join('/')
}

const ifnamePart = 3

function isOfInterface(parts: readonly string[]): boolean {
  return parts.length > ifnamePart + 1 && (parts[2] === 'conf' || parts[2] === 'neigh')
}

/** Nothing is below an interface's settings: what is too many parts are those of its name. */
function joinIfname(parts: readonly string[]): readonly string[] {
  if (!isOfInterface(parts)) return parts
  return [...parts.slice(0, ifnamePart), parts.slice(ifnamePart, -1).join('.'), parts.at(-1)!]
}

function invalid(key: string, details: string): CniError {
  return new CniError(CniCode.invalidConfig, `invalid net sysctl key: ${JSON.stringify(key)}`, details)
}
