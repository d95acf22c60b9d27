// firstpacket: a new connection to a host port, with one mapping in place and with many.
import { chainNames, type Results } from '../results.js'
import { allReached, atMost, type Row } from './row.js'

export function firstPacketRow(results: Results): Row {
  const found = results.firstPacket ?? {}
  const ours = found.chained ?? found.inline
  const many = ours?.many ?? 10_000
  return {
    what: `first packet to a host port, ${many} mappings over 1`,
    cells: chainNames.map(name => {
      const one = found[name]
      if (!one) return '-'
      const other = one.many === many ? '' : ` at ${one.many}`
      return `${one.fewUs.toFixed(0)} -> ${one.manyUs.toFixed(0)} us (${one.ratio.toFixed(2)})${other}`
    }),
    goal: 'at most 1.1',
    measured: ours?.ratio.toFixed(2) ?? '-',
    reached: allReached([[ours?.ratio ?? Number.NaN, atMost(1.1)]]),
  }
}
