import {
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from '../../wire/netlink/constants.js'
import { RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE } from '../../wire/route/constants.js'
import { familyOf } from '../../wire/route/family.js'
import {
  decodeRoute,
  encodeRoute,
  encodeRouteDump,
  encodeRouteQuery,
  encodeRouteRemoval,
} from '../../wire/route/route.js'
import { ignoreNotFound, isErrno } from '../error.js'
export class RouteVerbs {
  #connect
  constructor(connect) {
    this.#connect = connect
  }
  /** Adds a route. KernelError EEXIST when there is one to the same prefix with the same metric (and table). */
  add(route) {
    this.#new('route add', NLM_F_CREATE | NLM_F_EXCL, route)
  }
  /** Adds routes in one go, in order; goes on after a failure and then throws the first. */
  addAll(routes) {
    const flags = NLM_F_CREATE | NLM_F_EXCL
    this.#connect().requestAll(
      routes.map(route => ({
        operation: 'route add',
        target: routeText(route),
        type: RTM_NEWROUTE,
        flags,
        body: w => encodeRoute(w, route),
      })),
    )
  }
  /** Adds a route, in place of the one to the same prefix with the same metric. */
  replace(route) {
    this.#new('route replace', NLM_F_CREATE | NLM_F_REPLACE, route)
  }
  /** Adds a route behind those to the same prefix; in IPv6 it becomes another way of that route. */
  append(route) {
    this.#new('route append', NLM_F_CREATE | NLM_F_APPEND, route)
  }
  /** Removes the first route that has what is given here; false when there is none. */
  remove(route) {
    return ignoreNotFound(() => {
      this.#connect().request('route delete', routeText(route), RTM_DELROUTE, NLM_F_ACK, w =>
        encodeRouteRemoval(w, route),
      )
    })
  }
  /** The kernel's own look-up: the way a packet to `dst` takes, or with `fibMatch` the route behind it. Undefined: unreachable. */
  get(dst, query = {}) {
    try {
      const [reply] = this.#connect().request('route get', String(dst), RTM_GETROUTE, 0, w =>
        encodeRouteQuery(w, { ...query, dst }),
      )
      return reply && decodeRoute(reply.payload)
    } catch (error) {
      if (isErrno(error, 'ENETUNREACH', 'EHOSTUNREACH')) return undefined
      throw error
    }
  }
  /** Routes of IPv4 and IPv6, of all tables; the kernel itself filters. */
  list(filter = {}) {
    try {
      return this.#connect()
        .dump('route list', RTM_GETROUTE, w => encodeRouteDump(w, filter))
        .filter(({ payload }) => familyOf(payload[0]) !== undefined)
        .map(({ payload }) => decodeRoute(payload))
    } catch (error) {
      // "FIB table does not exist": nothing has ever been put into it.
      if (filter.table !== undefined && isErrno(error, 'ENOENT')) return []
      throw error
    }
  }
  #new(operation, flags, route) {
    this.#connect().request(operation, routeText(route), RTM_NEWROUTE, flags | NLM_F_ACK, w =>
      encodeRoute(w, route),
    )
  }
}
/** For error messages. */
function routeText({ dst, gateway }) {
  const prefix = dst.length === 0 ? `default (IPv${dst.family})` : String(dst)
  return gateway === undefined ? prefix : `${prefix} via ${gateway}`
}
//# sourceMappingURL=route.js.map
