import { NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL } from '../../wire/netlink/constants.js'
import { RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE } from '../../wire/route/constants.js'
import { familyOf } from '../../wire/route/family.js'
import { decodeRule, encodeRule, encodeRuleDump, encodeRuleRemoval } from '../../wire/route/rule.js'
import { ignoreNotFound } from '../error.js'
export class RuleVerbs {
  #connect
  constructor(connect) {
    this.#connect = connect
  }
  /** KernelError EEXIST when there is the same rule already. Without a priority the kernel puts it before all but the first. */
  add(rule) {
    const flags = NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK
    this.#connect().request('rule add', ruleText(rule), RTM_NEWRULE, flags, w => encodeRule(w, rule))
  }
  /** Removes the first rule that has what is given here; false when there is none. */
  remove(rule) {
    return ignoreNotFound(() => {
      this.#connect().request('rule delete', ruleText(rule), RTM_DELRULE, NLM_F_ACK, w =>
        encodeRuleRemoval(w, rule),
      )
    })
  }
  /** Rules of a family, or of IPv4 and IPv6, in the order in which they are asked. */
  list(family) {
    return this.#connect()
      .dump('rule list', RTM_GETRULE, w => encodeRuleDump(w, family))
      .filter(({ payload }) => familyOf(payload[0]) !== undefined)
      .map(({ payload }) => decodeRule(payload))
  }
}
/** For error messages. */
function ruleText({ family, priority, from, to, fwmark, table }) {
  const parts = { from, to, fwmark, lookup: table }
  const words = Object.entries(parts).flatMap(([word, value]) =>
    value === undefined ? [] : `${word} ${value}`,
  )
  return [`IPv${family}`, ...(priority === undefined ? [] : [`${priority}:`]), ...words].join(' ')
}
//# sourceMappingURL=rule.js.map
