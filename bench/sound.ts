// Does a candidate do at all what it is measured doing? One that leaves out work would be fast.
import type { Candidate } from './candidate.js'
import { type Extras, firstPort, gateway } from './configuration.js'
import type { Traffic } from './traffic.js'

/** What is wrong, in words, after one ADD and one DEL; undefined when nothing is. Throws when a call fails. */
export async function faultOf(
  candidate: Candidate,
  traffic: Traffic,
  extras: Extras,
): Promise<string | undefined> {
  const { ports = 0, limit } = extras
  await candidate.prepare(1)
  await candidate.run('ADD', 0, 1)
  await traffic.listen(0, 80)
  if (!(await answers(traffic, Math.min(ports, 1)))) return 'a host port does not lead to the container'
  if (limit && shapers(candidate) !== 2) return `${shapers(candidate)} shapers after ADD instead of 2`
  await candidate.run('DEL', 0, 1)
  if (ports > 0 && (await answers(traffic, 1))) return 'a host port is still open after DEL'
  return shapers(candidate) > 0 ? 'a shaper is left after DEL' : undefined
}

async function answers(traffic: Traffic, ports: number): Promise<boolean> {
  try {
    const to = { address: gateway, port: firstPort, ports }
    if (ports > 0) await traffic.connect('host', to, { count: 1 })
    return true
  } catch {
    return false
  }
}

function shapers(candidate: Candidate): number {
  return candidate.inside('host', 'tc qdisc show').match(/^qdisc (tbf|htb) /gm)?.length ?? 0
}
