// Takes an attachment's pieces out of the kernel, in one batch.
import type { Element } from '../../kernel/nft/element.js'
import type { Nft } from '../../kernel/nft/nft.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { elementOf, type Piece } from './piece.js'

/**
 * Removes the pieces' elements, where they are there. With an `owner`, an exclusive one is looked at first: it stays when another
 * attachment has it, as an ADD that was killed before it could be refused has it on record, too.
 */
export function uninstall(nft: Nft, pieces: readonly Piece[], owner?: string): void {
  const tx = new NftTransaction()
  for (const piece of pieces) {
    if (piece.shared || piece.probe) continue
    const element = elementOf(piece)
    if (owner === undefined || !piece.exclusive || isOf(owner, nft.list.element(element))) tx.destroy(element)
  }
  nft.run(tx)
}

function isOf(owner: string, present: Element | undefined): boolean {
  return present?.comment === undefined || present.comment === owner
}
