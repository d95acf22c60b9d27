// throughput: calls a second of the plain bridge, several callers at once.
import type { Results } from '../results.js'
import { allReached, atLeast, perSecond, type Row, ratio, times } from './row.js'

export function throughputRows(results: Results): Row[] {
  return [...rowsAt(results, 8, { add: 7, del: 20 }), ...rowsAt(results, 32, { add: 9, del: 30 })]
}

function rowsAt(results: Results, workers: number, goal: { add: number; del: number }): Row[] {
  const found = results.throughput?.find(t => t.workers === workers)?.perSecond
  return (['add', 'del'] as const).map(verb => {
    const factor = ratio(found?.resident?.[verb], found?.reference?.[verb])
    return {
      what: `${verb.toUpperCase()} throughput, ${workers} at a time`,
      cells: [found?.reference, found?.resident, found?.oneShot].map(of => perSecond(of?.[verb])),
      goal: `${goal[verb]}x`,
      measured: times(factor),
      reached: allReached([[factor, atLeast(goal[verb])]]),
    }
  })
}
