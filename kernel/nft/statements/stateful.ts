// Statements that keep a state: they stand in rules, are objects with a name, or go with the elements of dynamic sets.
import type { Connlimit } from '../../../wire/nft/expr/connlimit.js'
import type { Counter as CounterExpr } from '../../../wire/nft/expr/counter.js'
import type { Limit as LimitExpr } from '../../../wire/nft/expr/limit.js'
import type { Quota as QuotaExpr } from '../../../wire/nft/expr/quota.js'
import { type Counter, counterExpr } from './counter.js'
import { type CtCount, ctCountExpr, type Limit, limitExpr, type Quota, quotaExpr } from './limit.js'

export type Stateful = Counter | Limit | Quota | CtCount

export function statefulExpr(statement: Stateful): CounterExpr | LimitExpr | QuotaExpr | Connlimit {
  switch (statement.kind) {
    case 'counter':
      return counterExpr(statement)
    case 'limit':
      return limitExpr(statement)
    case 'quota':
      return quotaExpr(statement)
    case 'ct count':
      return ctCountExpr(statement)
  }
}
