// An entry: what one attachment has in our nftables tables, as one element of one set. The rules that look the sets up are
// static and made with the set; so ADD and DEL cost the same whatever the number of containers.
import type { JsonObject } from '../../cni/call.js'
import { type Element, element } from '../../kernel/nft/element.js'
import type { NftSet } from '../../kernel/nft/set.js'
import type { NftTransaction } from '../../kernel/nft/transaction.js'
import type { Value } from '../../kernel/nft/value.js'
import { masqueradeEntry } from './masquerade.js'
import { portMacEntry } from './port-mac.js'

/** What `plan` puts on record; enough to find the entry again without anything else. */
export type EntryFacts =
  | { readonly kind: 'masquerade'; readonly subnet: string; readonly address: string }
  | { readonly kind: 'port-mac'; readonly ifname: string; readonly mac: string }

export interface Entry {
  readonly set: NftSet
  readonly key: readonly Value[]
  /** Makes the set and the rules that use it; fails with EEXIST when the set is there. */
  ensure(tx: NftTransaction): void
}

export function entryOf(facts: EntryFacts): Entry {
  return facts.kind === 'masquerade'
    ? masqueradeEntry(facts.subnet, facts.address)
    : portMacEntry(facts.ifname, facts.mac)
}

/** The element of an entry; `owner` (the host interface's name) is its comment, by which GC finds elements without a record. */
export function elementOf({ set, key }: Entry, owner?: string): Element {
  return element({ set, key, ...(owner !== undefined && { comment: owner }) })
}

export function factsOf(facts: JsonObject | undefined): EntryFacts[] {
  return (facts?.entries ?? []) as unknown as EntryFacts[]
}
