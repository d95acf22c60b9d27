// What every set of verbs works on.
import type { NetlinkConnection } from '../netlink/connection.js'

/** The rtnetlink connection of a namespace, opened on first use. */
export type Connect = () => NetlinkConnection
