// For CHECK: is each piece in the kernel as it was put there, and are the rules that look it up?
import { type Chain, chainBody } from '../../kernel/nft/chain.js'
import { type Element, keyText, printElement } from '../../kernel/nft/element.js'
import { path, type TableRef, tablePath } from '../../kernel/nft/family.js'
import { listRules } from '../../kernel/nft/list-rules.js'
import type { Nft } from '../../kernel/nft/nft.js'
import { type Rule, ruleText } from '../../kernel/nft/rule.js'
import type { NftSet } from '../../kernel/nft/set.js'
import { checkFailed } from '../state.js'
import { type Fixture, setPath } from './fixture.js'
import { elementOf, type Piece } from './piece.js'

/** What a table has beside its sets, listed once. */
interface Present {
  readonly dormant: boolean
  readonly chains: readonly Chain[]
  readonly rules: readonly Rule[]
}

/** Throws CniError 100 that names the first set, element, rule, chain or table that is missing or altered. */
export function verify(nft: Nft, pieces: readonly Piece[], owner: string): void {
  const tables = new Map<string, Present>()
  const lasting = pieces.filter(piece => !piece.probe)
  for (const one of new Set(lasting.map(({ fixture }) => fixture))) verifyFixture(nft, one, tables)
  for (const piece of lasting) verifyElement(nft, piece, owner)
}

function verifyFixture(nft: Nft, { set, chains, rules }: Fixture, tables: Map<string, Present>): void {
  if (!nft.list.set(set)) throw checkFailed(`nftables set ${setPath(set)} is gone`)
  const present = presentIn(nft, set.table, tables)
  if (present.dormant)
    throw checkFailed(
      `nftables table ${tablePath(set.table)} is dormant: none of its rules is looked at`,
      'plumbline repair wakes it',
    )
  verifyRules(set, rules, present)
  for (const chain of chains) verifyChain(chain, present)
}

function verifyRules(set: NftSet, rules: readonly Rule[], present: Present): void {
  const path = setPath(set)
  const ofSet = present.rules.filter(rule => rule.comment === set.name)
  for (const rule of rules) {
    const inChain = ofSet.filter(other => other.chain.name === rule.chain.name)
    if (inChain.some(other => ruleText(other) === ruleText(rule))) continue
    const there = inChain.length > 0
    throw checkFailed(
      `the nftables rule that uses set ${path} is ${there ? 'not as it was' : 'gone'} (chain ${rule.chain.name})`,
      `it should say: ${ruleText(rule)}; plumbline repair puts it back`,
    )
  }
}

/** Where it is called, and what becomes of packets that no rule of it decides about. */
function verifyChain(chain: Chain, { chains }: Present): void {
  const expected: Chain = { ...chain, ...(chain.hook && { policy: chain.policy ?? 'accept' }) }
  const present = chains.find(({ name }) => name === chain.name)
  if (!present) throw checkFailed(`nftables chain ${path(chain)} is gone`)
  const [is, was] = [chainBody(present), chainBody(expected)]
  if (is !== was) throw checkFailed(`nftables chain ${path(chain)} is "${is.trim()}", not "${was.trim()}"`)
}

function presentIn(nft: Nft, table: TableRef, tables: Map<string, Present>): Present {
  const key = tablePath(table)
  const present = tables.get(key) ?? {
    dormant: nft.list.table(table)?.dormant === true,
    chains: nft.list.chains(table),
    rules: listRules(nft.list, table),
  }
  tables.set(key, present)
  return present
}

function verifyElement(nft: Nft, piece: Piece, owner: string): void {
  const expected = elementOf(piece, owner)
  const present = nft.list.element(expected)
  const path = setPath(piece.fixture.set)
  if (!present) throw checkFailed(`${plain(expected)} is gone from nftables set ${path}`)
  if (textOf(present) !== textOf(expected))
    throw checkFailed(`nftables set ${path} has ${textOf(present)}, not ${textOf(expected)}`)
  if (!piece.shared && present.comment !== expected.comment)
    throw checkFailed(
      `${keyText(expected)} of nftables set ${path} belongs to ${present.comment}, not to ${owner}`,
    )
}

/** Key and value. */
function textOf({ kind, set, key, value }: Element): string {
  return printElement({ kind, set, key, ...(value !== undefined && { value }) })
}

/** The key without nft's quotes. */
function plain(one: Element): string {
  return keyText(one).replaceAll('"', '')
}
