// Copies and detours by device, and packets that connection tracking is not to see.
// nft(8): "DUP STATEMENT", "FWD STATEMENT", "NOTRACK STATEMENT".
import { toBytes } from '../datatype.js'
import { datatype } from '../datatypes.js'
import type { Lowering } from '../lowering.js'
import { registerNumber } from '../lowering.js'
import { define } from '../statement.js'

export interface Device {
  readonly kind: 'dup' | 'fwd'
  /** The index of the device. */
  readonly device: number
}

/** A copy of the packet leaves by the device. Family netdev. */
export function dup(device: number): Device {
  return { kind: 'dup', device }
}

/** The packet leaves by the device and is gone. Family netdev. */
export function fwd(device: number): Device {
  return { kind: 'fwd', device }
}

export interface Notrack {
  readonly kind: 'notrack'
}

/** Only before connection tracking: in chains of priority below -200. */
export const notrack: Notrack = { kind: 'notrack' }

const index = datatype('iface_index')

export function lowerDevice({ kind, device }: Device, to: Lowering): void {
  to.immediate(0, toBytes(index, device))
  to.emit({ kind, sregDev: registerNumber(0) })
}

export function printDevice({ kind, device }: Device): string {
  return `${kind} to ${device}`
}

define<Device>('dup', { lower: lowerDevice, print: printDevice })
define<Device>('fwd', { lower: lowerDevice, print: printDevice })
define<Notrack>('notrack', { lower: (_, to) => to.emit({ kind: 'notrack' }), print: () => 'notrack' })
