// Routes in an IPAM configuration, with the fields of CNI 1.1.0. They go into the result as they are.
import * as v from 'valibot'
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
