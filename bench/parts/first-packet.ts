// firstpacket: a new connection to a host port, with one mapping on the host and with many.
import type { Bench } from '../bench.js'
import { type MappedHost, measureFirstPacket } from '../measure/first-packet.js'
import type { ChainName } from '../results.js'

export async function timeFirstPackets(bench: Bench): Promise<void> {
  const { sizes } = bench.options
  bench.results.firstPacket = {}
  for (const name of await bench.pair({ ports: 1 })) {
    const crowd = name === 'reference' ? sizes.referenceMappings : sizes.mappings
    bench.say(`${name}: new connections with 1 host port and ${crowd.attachments * crowd.each}`)
    const pair = {
      few: mappedHost(bench, name, { attachments: 1, each: 1 }),
      many: mappedHost(bench, name, crowd),
    }
    bench.results.firstPacket[name] = await measureFirstPacket(pair, sizes.connections)
    await bench.close(pair.few.candidate, pair.many.candidate)
  }
}

function mappedHost(
  bench: Bench,
  name: ChainName,
  crowd: { readonly attachments: number; readonly each: number },
): MappedHost {
  const label = `${name} ${crowd.attachments * crowd.each}`
  const candidate = bench.chain(name, { ports: crowd.each }, label)
  return { candidate, traffic: bench.traffic(candidate), ...crowd }
}
