// Numbers and hashes, to spread packets by. nft(8): "NUMGEN EXPRESSION", "HASH EXPRESSIONS".
import * as c from '../../../wire/nft/constants.js'
import { plainInteger } from '../datatypes.js'
import type { Selector } from '../selector.js'

const number = plainInteger(4, 'host')

/** Numbers below `modulus`, in turn (`inc`) or at random; `offset` is added. */
export function numgen(mode: 'inc' | 'random', modulus: number, offset = 0): Selector {
  const type = mode === 'inc' ? c.NFT_NG_INCREMENTAL : c.NFT_NG_RANDOM
  return {
    text: `numgen ${mode} mod ${modulus}${offset === 0 ? '' : ` offset ${offset}`}`,
    type: number,
    load: { kind: 'numgen', modulus, type, offset },
  }
}

/** A hash of selectors, below `modulus`. Without a seed the kernel makes one up. */
export function jhash(
  hashed: readonly Selector[],
  modulus: number,
  { seed, offset = 0 }: { readonly seed?: number; readonly offset?: number } = {},
): Selector {
  const texts = hashed.map(selector => selector.text).join(' . ')
  const seedText = seed === undefined ? '' : ` seed 0x${seed.toString(16)}`
  return {
    text: `jhash ${texts} mod ${modulus}${seedText}${offset === 0 ? '' : ` offset ${offset}`}`,
    type: number,
    load: {
      kind: 'hash',
      modulus,
      type: c.NFT_HASH_JENKINS,
      ...(seed !== undefined && { seed }),
      offset,
    },
    hashed,
  }
}

/** A hash of the packet's flow, the same in both directions. */
export function symhash(modulus: number, offset = 0): Selector {
  return {
    text: `symhash mod ${modulus}${offset === 0 ? '' : ` offset ${offset}`}`,
    type: number,
    load: { kind: 'hash', modulus, type: c.NFT_HASH_SYM, offset },
  }
}
