// Chains of an administrator's own tables that drop forwarded packets. They are not ours to change: he is told what to add.
import { isNotFound } from '../../kernel/error.js'
import type { Chain } from '../../kernel/nft/chain.js'
import { type Family, path } from '../../kernel/nft/family.js'
import { raiseRule } from '../../kernel/nft/list-rules.js'
import type { Nft } from '../../kernel/nft/nft.js'
import { type Rule, ruleText } from '../../kernel/nft/rule.js'
import { admittedMark } from '../guard/admit.js'
import { nftTable } from '../names.js'
import { fateOf } from './fate.js'
import { isOnPassage } from './passage.js'

export interface Obstacle {
  /** `inet filter forward` */
  readonly chain: string
  /** What lets containers' packets through. */
  readonly command: string
}

const families: readonly Family[] = ['ip', 'ip6', 'inet']
const mark = `0x${admittedMark.toString(16).padStart(8, '0')}`
const test = `meta mark & ${mark} == ${mark}`

/** O(chains): for the start of a process, and STATUS. */
export function obstacles(nft: Nft): Obstacle[] {
  return families
    .flatMap(family => nft.list.tables(family))
    .filter(table => !table.dormant && table.name !== nftTable)
    .flatMap(table => nft.list.chains(table))
    .filter(chain => chain.hook === 'forward' && chain.type === 'filter' && !isOnPassage(chain))
    .filter(chain => stops(nft, chain))
    .map(chain => ({
      chain: path(chain),
      command: `nft insert rule ${path(chain)} meta mark '&' 0x${admittedMark.toString(16)} == 0x${admittedMark.toString(16)} accept`,
    }))
}

/** Whether the chain drops what nothing before has accepted, and what we have marked is not accepted. */
function stops(nft: Nft, chain: Chain): boolean {
  const rules = rulesOf(nft, chain)
  const admits = rules.findIndex(acceptsMarked)
  const drops = rules.findIndex(one => fateOf(one)?.kind === 'drop')
  return admits < 0 ? drops >= 0 || chain.policy === 'drop' : drops >= 0 && drops < admits
}

function acceptsMarked(one: Rule): boolean {
  const { statements } = raiseRule(one, { get: () => undefined, elements: () => [] })
  const said = statements.filter(({ kind }) => kind !== 'counter')
  return ruleText({ ...one, statements: said }).startsWith(`${test} accept`)
}

/** A chain may go while we look around. */
function rulesOf(nft: Nft, chain: Chain): Rule[] {
  try {
    return nft.list.rules(chain)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}
