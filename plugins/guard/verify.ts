// For CHECK: is each piece in the kernel as it was put there, and are the rules that look it up?
import { type Element, keyText, printElement } from '../../kernel/nft/element.js'
import { listRules } from '../../kernel/nft/list-rules.js'
import type { Nft } from '../../kernel/nft/nft.js'
import { type Rule, ruleText } from '../../kernel/nft/rule.js'
import type { Table } from '../../kernel/nft/table.js'
import { checkFailed } from '../state.js'
import { type Fixture, setPath } from './fixture.js'
import { elementOf, type Piece } from './piece.js'

/** Throws CniError 100 that names the first set, element or rule that is missing or altered. */
export function verify(nft: Nft, pieces: readonly Piece[], owner: string): void {
  const rules = new Map<string, Rule[]>()
  const lasting = pieces.filter(piece => !piece.probe)
  for (const one of new Set(lasting.map(({ fixture }) => fixture))) verifyFixture(nft, one, rules)
  for (const piece of lasting) verifyElement(nft, piece, owner)
}

function verifyFixture(nft: Nft, { set, rules: expected }: Fixture, cache: Map<string, Rule[]>): void {
  const path = setPath(set)
  if (!nft.list.set(set)) throw checkFailed(`nftables set ${path} is gone`)
  const present = rulesOf(nft, set, cache).filter(rule => rule.comment === set.name)
  for (const rule of expected) {
    const inChain = present.filter(other => other.chain.name === rule.chain.name)
    if (inChain.some(other => ruleText(other) === ruleText(rule))) continue
    const there = inChain.length > 0
    throw checkFailed(
      `the nftables rule that uses set ${path} is ${there ? 'not as it was' : 'gone'} (chain ${rule.chain.name})`,
      `it should say: ${ruleText(rule)}; plumbline repair puts it back`,
    )
  }
}

/** The rules of a set's table, read once. */
function rulesOf(nft: Nft, { table }: { table: Pick<Table, 'family' | 'name'> }, cache: Map<string, Rule[]>) {
  const key = `${table.family} ${table.name}`
  const rules = cache.get(key) ?? listRules(nft.list, table)
  cache.set(key, rules)
  return rules
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
