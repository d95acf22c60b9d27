// nf_tables: transactions and lists. net/netfilter/nfnetlink.c (v6.18): nfnetlink_rcv_batch.
import { NETLINK_NETFILTER, NLM_F_REQUEST, NLMSG_ERROR } from '../../wire/netlink/constants.js'
import { decodeError, type NlError } from '../../wire/netlink/error.js'
import { NFT_MSG_DESTROYTABLE } from '../../wire/nft/constants.js'
import { batchBegin, batchEnd, nftType } from '../../wire/nft/message.js'
import { encodeTable } from '../../wire/nft/table.js'
import { KernelError } from '../error.js'
import { NetlinkConnection } from '../netlink/connection.js'
import { type BatchState, type Command, commandParts, writeCommand } from './command.js'
import { familyNumber } from './family.js'
import { NftLists } from './list.js'
import type { NftTransaction } from './transaction.js'

const ENOENT = 2
const EINVAL = 22
const EOPNOTSUPP = 95

/** No table has this name. */
const NO_TABLE = 'plumbline.no.such.table'

export interface RunOptions {
  /** Only if the ruleset is still of this generation (`list.generation()`); else KernelError ERESTART. */
  readonly generation?: number
}

interface Failure extends NlError {
  /** Which command; -1 when it is the transaction as a whole. */
  readonly index: number
}

/** What nft(8) does, in the namespace of the connection's socket. */
export class Nft {
  readonly list: NftLists
  readonly #connect: () => NetlinkConnection
  /** Whether the kernel has messages for `destroy` (from 6.3 on): found out when it is first needed. */
  #destroys: boolean | undefined

  /** `connect` gives the connection, always the same. `destroys`: false to do without the kernel's own `destroy`. */
  constructor(connect: () => NetlinkConnection, destroys?: boolean) {
    this.#connect = connect
    this.#destroys = destroys
    this.list = new NftLists(connect)
  }

  /** A connection for nf_tables in the namespace `netnsFd` is open on (-1: this process's). */
  static connect(netnsFd = -1): NetlinkConnection {
    return NetlinkConnection.open(NETLINK_NETFILTER, netnsFd)
  }

  /**
   * Runs the commands of a transaction: all of them, or none and a KernelError that names the first that failed, with its
   * nft text and `index`. Values that do not fit are a RangeError before anything is sent.
   */
  run(transaction: NftTransaction, options: RunOptions = {}): void {
    let { commands } = transaction
    while (commands.length > 0) {
      const failures = this.#send(commands, options)
      if (failures.length === 0) return
      const isDestroy = ({ index }: Failure) => commands[index]?.verb === 'destroy'
      if (this.#destroys === undefined && failures.some(each => isDestroy(each) && isUnsupported(each))) {
        this.#destroys = this.#probeDestroy()
        if (!this.#destroys) continue
      }
      // What is not there need not be destroyed. Nothing has changed yet: the rest is to be tried once more.
      const real = failures.find(each => !isDestroy(each) || each.errno !== ENOENT)
      if (real !== undefined) throw errorOf(transaction, commands, real)
      const absent = new Set(failures.map(({ index }) => index))
      commands = commands.filter((_, index) => !absent.has(index))
    }
  }

  #send(commands: readonly Command[], { generation }: RunOptions): Failure[] {
    let sets = 0
    const state: BatchState = { destroys: this.#destroys ?? true, nextSetId: () => ++sets }
    /** The sequence number of each command's first message. */
    const starts: number[] = []
    const { replies } = this.#connect().batch('nft', 'transaction', w => {
      batchBegin(w, generation)
      for (const command of commands) {
        starts.push(w.nextSeq)
        writeCommand(w, command, state)
      }
      starts.push(w.nextSeq)
      batchEnd(w)
    })
    if (replies.length === 0) return []
    return replies
      .filter(({ type }) => type === NLMSG_ERROR)
      .map(decodeError)
      .filter(({ errno }) => errno !== 0)
      .map(error => ({ ...error, index: commandAt(starts, error.seq) }))
  }

  /** Destroying a table that is not there works wherever destroying does. */
  #probeDestroy(): boolean {
    const { replies } = this.#connect().batch('nft', 'probe', w => {
      batchBegin(w)
      w.message(nftType(NFT_MSG_DESTROYTABLE), NLM_F_REQUEST, inner =>
        encodeTable(inner, { family: familyNumber('inet'), name: NO_TABLE }),
      )
      batchEnd(w)
    })
    return replies.every(reply => reply.type !== NLMSG_ERROR || decodeError(reply).errno === 0)
  }
}

/** The command to which a message belongs; -1 for the messages around all of them. */
function commandAt(starts: readonly number[], seq: number): number {
  let index = -1
  while (index + 1 < starts.length && seq >= starts[index + 1]!) index++
  return index === starts.length - 1 ? -1 : index
}

function isUnsupported({ errno }: Failure): boolean {
  return errno === EINVAL || errno === EOPNOTSUPP
}

/** `commands` are those of the transaction that were sent. */
function errorOf(
  transaction: NftTransaction,
  commands: readonly Command[],
  { errno, extack, index }: Failure,
): KernelError {
  const command = commands[index]
  const details = { extack: extack?.message, offset: extack?.offset, missingType: extack?.missingType }
  if (command === undefined)
    return new KernelError('nft', `transaction of ${commands.length} commands`, errno, details)
  const [operation, target] = commandParts(command)
  return new KernelError(`nft ${operation}`, target, errno, {
    ...details,
    index: transaction.commands.indexOf(command),
  })
}
