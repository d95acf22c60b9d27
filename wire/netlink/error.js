// The kernel's answer to a request: NLMSG_ERROR, and NLMSG_DONE where a dump failed.
// linux/netlink.h (v6.1): struct nlmsgerr, enum nlmsgerr_attrs, enum netlink_policy_type_attr.
import { WireError } from '../wire-error.js';
import { NlReader } from './attr.js';
import { NL_POLICY_TYPE_ATTR_MASK, NL_POLICY_TYPE_ATTR_MAX_LENGTH, NL_POLICY_TYPE_ATTR_MAX_VALUE_S, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, NL_POLICY_TYPE_ATTR_MIN_LENGTH, NL_POLICY_TYPE_ATTR_MIN_VALUE_S, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, NL_POLICY_TYPE_ATTR_TYPE, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN, NLMSGERR_ATTR_COOKIE, NLMSGERR_ATTR_MISS_NEST, NLMSGERR_ATTR_MISS_TYPE, NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS, NLMSGERR_ATTR_POLICY, } from './constants.js';
/** Decodes NLMSG_ERROR and NLMSG_DONE; any other message is a WireError. */
export function decodeError(m) {
    const { payload } = m;
    if (m.type !== NLMSG_ERROR && m.type !== NLMSG_DONE)
        throw new WireError(`message ${m.type} is no error`);
    if (payload.length < 4) {
        // An NLMSG_DONE of old carries nothing.
        if (m.type === NLMSG_DONE && payload.length === 0)
            return { errno: 0, seq: m.seq };
        throw new WireError(`an error of ${payload.length} bytes`);
    }
    const code = payload.readInt32LE(0);
    if (code > 0 && m.type === NLMSG_ERROR)
        throw new WireError(`a positive error code: ${code}`);
    // A dump may end with a positive count of what was sent: no error.
    const error = { errno: code < 0 ? -code : 0, seq: m.seq };
    if ((m.flags & NLM_F_ACK_TLVS) !== 0)
        error.extack = decodeExtAck(new NlReader(payload, tlvStart(m)));
    return error;
}
/** NLMSG_ERROR carries the request's header, and all of the request unless NLM_F_CAPPED, before the TLVs. */
function tlvStart(m) {
    if (m.type === NLMSG_DONE)
        return 4;
    if (m.payload.length < 4 + NLMSG_HDRLEN)
        throw new WireError('an error without the header of its request', 4);
    const request = (m.flags & NLM_F_CAPPED) !== 0 ? NLMSG_HDRLEN : m.payload.readUInt32LE(4);
    if (request < NLMSG_HDRLEN || request > m.payload.length - 4)
        throw new WireError(`a request of ${request} bytes in an error of ${m.payload.length}`, 4);
    return Math.min(4 + ((request + 3) & ~3), m.payload.length);
}
function decodeExtAck(r) {
    const extack = {};
    while (r.next()) {
        if (r.type === NLMSGERR_ATTR_MSG)
            extack.message = r.string();
        else if (r.type === NLMSGERR_ATTR_OFFS)
            extack.offset = r.u32();
        else if (r.type === NLMSGERR_ATTR_COOKIE)
            extack.cookie = r.raw().data;
        else if (r.type === NLMSGERR_ATTR_POLICY)
            extack.policy = decodePolicy(r.inner());
        else if (r.type === NLMSGERR_ATTR_MISS_TYPE)
            extack.missingType = r.u32();
        else if (r.type === NLMSGERR_ATTR_MISS_NEST)
            extack.missingNest = r.u32();
    }
    return extack;
}
function decodePolicy(r) {
    const policy = {};
    while (r.next()) {
        if (r.type === NL_POLICY_TYPE_ATTR_TYPE)
            policy.type = r.u32();
        else if (r.type === NL_POLICY_TYPE_ATTR_MIN_VALUE_S)
            policy.min = BigInt.asIntN(64, r.u64());
        else if (r.type === NL_POLICY_TYPE_ATTR_MAX_VALUE_S)
            policy.max = BigInt.asIntN(64, r.u64());
        else if (r.type === NL_POLICY_TYPE_ATTR_MIN_VALUE_U)
            policy.min = r.u64();
        else if (r.type === NL_POLICY_TYPE_ATTR_MAX_VALUE_U)
            policy.max = r.u64();
        else if (r.type === NL_POLICY_TYPE_ATTR_MIN_LENGTH)
            policy.minLength = r.u32();
        else if (r.type === NL_POLICY_TYPE_ATTR_MAX_LENGTH)
            policy.maxLength = r.u32();
        else if (r.type === NL_POLICY_TYPE_ATTR_MASK)
            policy.mask = r.u64();
    }
    return policy;
}
//# sourceMappingURL=error.js.map