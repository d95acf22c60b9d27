// Routes in an IPAM configuration, with the fields of CNI 1.1.0. They go into the result as they are.
import * as v from 'valibot'
import type { ResultRoute } from '../cni/result.js'
import { integer, prefix } from '../cni/schema.js'
import { optionalIp } from './addresses.js'

const u32 = 0xffff_ffff

export const routeSchema = v.object({
  dst: prefix(),
  gw: optionalIp(),
  mtu: v.exactOptional(integer(0, u32)),
  advmss: v.exactOptional(integer(0, u32)),
  priority: v.exactOptional(integer(0, u32)),
  table: v.exactOptional(integer(0, u32)),
  scope: v.exactOptional(integer(0, 255)),
})

/** 0 is how mtu, advmss and priority say "not set"; table 0 and scope 0 mean something. */
export function toRoute(keys: v.InferOutput<typeof routeSchema>): ResultRoute {
  const { dst, gw, mtu, advmss, priority, table, scope } = keys
  return {
    dst,
    ...(gw ? { gw } : {}),
    ...(mtu ? { mtu } : {}),
    ...(advmss ? { advmss } : {}),
    ...(priority ? { priority } : {}),
    ...(table !== undefined ? { table } : {}),
    ...(scope !== undefined ? { scope } : {}),
  }
}
