// What becomes of a packet. nft(8): "VERDICT STATEMENT".
import * as c from '../../../wire/nft/constants.js'
import type { Verdict as WireVerdict } from '../../../wire/nft/data.js'
import type { Lowering } from '../lowering.js'
import { define } from '../statement.js'

const codes = {
  accept: c.NF_ACCEPT,
  drop: c.NF_DROP,
  continue: c.NFT_CONTINUE,
  return: c.NFT_RETURN,
  jump: c.NFT_JUMP,
  goto: c.NFT_GOTO,
} as const

export interface Verdict {
  readonly kind: 'verdict'
  readonly verdict: keyof typeof codes
  /** Of jump and goto. */
  readonly chain?: string
}

export const accept: Verdict = { kind: 'verdict', verdict: 'accept' }
export const drop: Verdict = { kind: 'verdict', verdict: 'drop' }
/** Back to the chain that jumped here; in a base chain, its policy. */
export const returnVerdict: Verdict = { kind: 'verdict', verdict: 'return' }
/** On to the next rule. */
export const continueVerdict: Verdict = { kind: 'verdict', verdict: 'continue' }

/** To another chain of the table, and back here at its end. */
export function jump(chain: string | { readonly name: string }): Verdict {
  return { kind: 'verdict', verdict: 'jump', chain: typeof chain === 'string' ? chain : chain.name }
}

/** To another chain of the table for good. */
export function goto(chain: string | { readonly name: string }): Verdict {
  return { kind: 'verdict', verdict: 'goto', chain: typeof chain === 'string' ? chain : chain.name }
}

export function verdictData({ verdict, chain }: Verdict): WireVerdict {
  return chain === undefined ? { code: codes[verdict] } : { code: codes[verdict], chain }
}

/** Undefined for codes that nft has no word for. */
export function verdictFrom({ code, chain }: WireVerdict): Verdict | undefined {
  const verdict = (Object.keys(codes) as (keyof typeof codes)[]).find(name => codes[name] === code)
  if (verdict === undefined) return undefined
  return chain === undefined ? { kind: 'verdict', verdict } : { kind: 'verdict', verdict, chain }
}

export function printVerdict({ verdict, chain }: Verdict): string {
  return chain === undefined ? verdict : `${verdict} ${chain}`
}

export function lowerVerdict(statement: Verdict, to: Lowering): void {
  to.emit({ kind: 'immediate', dreg: c.NFT_REG_VERDICT, data: verdictData(statement) })
}

define<Verdict>('verdict', { lower: lowerVerdict, print: printVerdict })
