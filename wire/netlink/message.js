// Netlink messages in a datagram. linux/netlink.h (v6.1): struct nlmsghdr.
import { WireError } from '../wire-error.js';
import { NLMSG_HDRLEN } from './constants.js';
/** The messages in the first `length` bytes of `buf`. A length that does not add up is a WireError. */
export function* decodeMessages(buf, length = buf.length) {
    if (length > buf.length)
        throw new WireError(`${length} bytes wanted of ${buf.length}`, buf.length);
    let at = 0;
    while (at < length) {
        if (length - at < NLMSG_HDRLEN)
            throw new WireError(`${length - at} bytes are no message header`, at);
        const size = buf.readUInt32LE(at);
        if (size < NLMSG_HDRLEN || size > length - at)
            throw new WireError(`message length ${size} where ${length - at} bytes are left`, at);
        yield {
            type: buf.readUInt16LE(at + 4),
            flags: buf.readUInt16LE(at + 6),
            seq: buf.readUInt32LE(at + 8),
            pid: buf.readUInt32LE(at + 12),
            payload: buf.subarray(at + NLMSG_HDRLEN, at + size),
        };
        at += (size + 3) & ~3;
    }
}
//# sourceMappingURL=message.js.map