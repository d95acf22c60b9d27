// nf_tables: transactions and lists. net/netfilter/nfnetlink.c (v6.18): nfnetlink_rcv_batch.
import { NETLINK_NETFILTER, NLM_F_REQUEST, NLMSG_ERROR } from '../../wire/netlink/constants.js'
import { decodeError, type NlError } from '../../wire/netlink/error.js'
import { NFT_MSG_DESTROYTABLE } from '../../wire/nft/constants.js'
import { batchBegin, batchEnd, nftType } from '../../wire/nft/message.js'
import { encodeTable } from '../../wire/nft/table.js'
import { KernelError } from '../error.js'
import { NetlinkConnection } from '../netlink/connection.js'
import { Batch, type Run } from './batch.js'
import { type Command, commandParts } from './command.js'
import { familyNumber } from './family.js'
import { NftLists } from './list.js'
import type { NftTransaction } from './transaction.js'

const ENOENT = 2
const EINVAL = 22
const EOPNOTSUPP = 95

/** Of thousands of elements an error message names no more than fit. */
const MAX_TARGET = 2000

/** No table has this name. */
const NO_TABLE = 'plumbline.no.such.table'

export interface RunOptions {
  /** Only if the ruleset is still of this generation (`list.generation()`); else KernelError ERESTART. */
  readonly generation?: number
}

/** Without a run, it is the transaction as a whole that failed. */
interface Failure extends NlError {
  readonly run?: Run | undefined
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

  /** The port of the socket: notifications of what was done here carry it (`Damage.port`). */
  get port(): number {
    return this.#connect().port
  }

  /**
   * Runs the commands of a transaction: all of them, or none and a KernelError that names the first that failed, with its
   * nft text and `index`. Values that do not fit are a RangeError before anything is sent.
   */
  run(transaction: NftTransaction, options: RunOptions = {}): void {
    let { commands } = transaction
    let packed = true
    while (commands.length > 0) {
      const failures = this.#send(commands, options, packed)
      if (failures.length === 0) return
      // Nothing has changed yet, whatever failed: it can be tried once more.
      if (packed && failures.some(isVague)) {
        packed = false
        continue
      }
      const isDestroy = ({ run }: Failure) => run !== undefined && commands[run.from]!.verb === 'destroy'
      if (this.#destroys === undefined && failures.some(each => isDestroy(each) && isUnsupported(each))) {
        this.#destroys = this.#probeDestroy()
        if (!this.#destroys) continue
      }
      // What is not there need not be destroyed: the rest is to be tried without it.
      const real = failures.find(each => !isDestroy(each) || each.errno !== ENOENT)
      if (real !== undefined) throw errorOf(transaction, commands, real)
      const absent = new Set(failures.flatMap(({ run }) => commands.slice(run!.from, run!.to)))
      commands = commands.filter(command => !absent.has(command))
    }
  }

  /** `packed`: commands may share messages. */
  #send(commands: readonly Command[], { generation }: RunOptions, packed: boolean): Failure[] {
    let sets = 0
    const nextSetId = () => ++sets
    const batch = new Batch()
    const { replies } = this.#connect().batch('nft', 'transaction', w =>
      batch.write(w, commands, { destroys: this.#destroys ?? true, nextSetId, generation, packed }),
    )
    if (replies.length === 0) return []
    return replies
      .filter(({ type }) => type === NLMSG_ERROR)
      .map(decodeError)
      .filter(({ errno }) => errno !== 0)
      .map(error => ({ ...error, run: batch.locate(error.seq, error.extack?.offset) }))
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

/** Before Linux 6.0 the kernel does not say which of several elements it is. */
function isVague({ run, extack }: Failure): boolean {
  return run !== undefined && run.to - run.from > 1 && extack?.offset === undefined
}

function isUnsupported({ errno }: Failure): boolean {
  return errno === EINVAL || errno === EOPNOTSUPP
}

/** `commands` are those of the transaction that were sent. */
function errorOf(
  transaction: NftTransaction,
  commands: readonly Command[],
  { errno, extack, run }: Failure,
): KernelError {
  const details = { extack: extack?.message, offset: extack?.offset, missingType: extack?.missingType }
  if (run === undefined)
    return new KernelError('nft', `transaction of ${commands.length} commands`, errno, details)
  const command = commands[run.from]!
  const [operation, target] = commandParts(command, run.element)
  const short = target.length > MAX_TARGET ? `${target.slice(0, MAX_TARGET)}…` : target
  return new KernelError(`nft ${operation}`, short, errno, {
    ...details,
    index: transaction.commands.indexOf(command),
  })
}
