// Attributes as tables: which attribute (IFLA_MTU) is which property (mtu), and how its payload is written.
// One table serves both directions. What a table does not know, or cannot represent (a link-layer address that is
// no MAC), is kept in `rest`, so that decoding and encoding again yields the attributes that were there.
import { Ip } from '../ip.js';
import { Mac } from '../mac.js';
import { NlReader } from './attr.js';
/** Makes a table; the properties go out in the order in which they are given here. */
export function table(fields) {
    const entries = Object.entries(fields);
    const byType = new Map();
    for (const entry of entries) {
        byType.set(entry[1].type, entry);
        if (entry[1].otherType !== undefined)
            byType.set(entry[1].otherType, entry);
    }
    return {
        byType,
        encode(w, value) {
            const properties = value;
            for (const [name, field] of entries) {
                const property = properties[name];
                if (property === undefined)
                    continue;
                if (field.repeated)
                    for (const element of property)
                        field.write(w, element);
                else
                    field.write(w, property);
            }
            w.raw(value.rest);
        },
        decode(r) {
            const properties = {};
            let rest;
            while (r.next()) {
                const entry = byType.get(r.type);
                const value = entry?.[1].read(r);
                if (entry === undefined || value === undefined) {
                    rest ??= [];
                    rest.push(r.raw());
                    continue;
                }
                const [name, field] = entry;
                if (!field.repeated)
                    properties[name] = value;
                else if (properties[name] === undefined)
                    properties[name] = [value];
                else
                    properties[name].push(value);
            }
            if (rest !== undefined)
                properties.rest = rest;
            return properties;
        },
    };
}
export const u8 = (type) => ({
    type,
    write: (w, v) => w.attrU8(type, v),
    read: r => r.u8(),
});
export const u16 = (type) => ({
    type,
    write: (w, v) => w.attrU16(type, v),
    read: r => r.u16(),
});
export const u32 = (type) => ({
    type,
    write: (w, v) => w.attrU32(type, v),
    read: r => r.u32(),
});
export const i32 = (type) => ({
    type,
    write: (w, v) => w.attrI32(type, v),
    read: r => r.i32(),
});
export const u64 = (type) => ({
    type,
    write: (w, v) => w.attrU64(type, v),
    read: r => r.u64(),
});
export const u16be = (type) => ({
    type,
    write: (w, v) => w.attrU16be(type, v),
    read: r => r.u16be(),
});
export const u32be = (type) => ({
    type,
    write: (w, v) => w.attrU32be(type, v),
    read: r => r.u32be(),
});
export const u64be = (type) => ({
    type,
    write: (w, v) => w.attrU64be(type, v),
    read: r => r.u64be(),
});
/** A u8 that is 0 or 1. */
export const bool = (type) => ({
    type,
    write: (w, v) => w.attrU8(type, v ? 1 : 0),
    read: r => {
        const v = r.u8();
        return v > 1 ? undefined : v === 1;
    },
});
/** True by being there; false is not written. */
export const flag = (type) => ({
    type,
    write: (w, v) => v && w.attrFlag(type),
    read: r => r.flag(),
});
/** NUL-terminated text. */
export const text = (type) => ({
    type,
    write: (w, v) => w.attrString(type, v),
    read: r => r.string(),
});
export const blob = (type) => ({
    type,
    write: (w, v) => w.attr(type, v),
    read: r => r.raw().data,
});
/** The payload itself, not copied: for what is decoded further at once. */
export const view = (type) => ({
    type,
    write: (w, v) => w.attr(type, v),
    read: r => r.bytes(),
});
/** A link-layer address of 6 bytes; others are not for this field. */
export const mac = (type) => ({
    type,
    write: (w, v) => w.attr(type, v.bytes),
    read: r => (r.size === 6 ? new Mac(r.raw().data) : undefined),
});
/** An address, its family told by the length. */
export const ip = (type) => ({
    type,
    write: (w, v) => w.attr(type, v.bytes),
    read: r => (r.size === 4 || r.size === 16 ? new Ip(r.raw().data) : undefined),
});
/** An address that has one attribute in IPv4 and another in IPv6. */
export const ipEither = (type4, type6) => ({
    ...ip(type4),
    otherType: type6,
    write: (w, v) => w.attr(v.family === 4 ? type4 : type6, v.bytes),
    read: r => (r.size === (r.type === type4 ? 4 : 16) ? new Ip(r.raw().data) : undefined),
});
/** A C struct of `size` bytes. */
export const struct = (type, size, read, write) => ({
    type,
    write: (w, v) => w.attrOf(type, inner => write(inner, v)),
    read: r => read(r.bytes(size)),
});
/** Attributes within an attribute, marked as such (NLA_F_NESTED). */
export const nested = (type, inner) => ({
    type,
    write: (w, v) => w.nested(type, into => inner.encode(into, v)),
    read: r => inner.decode(r.inner()),
});
/** Attributes within an attribute, unmarked, as the older parts of rtnetlink have it. */
export const plainNest = (type, inner) => ({
    ...nested(type, inner),
    write: (w, v) => w.attrOf(type, into => inner.encode(into, v)),
});
/** One attribute for each element of an array. */
export const each = (field) => ({ ...field, repeated: true });
/** Decodes the attributes that follow a struct of `header` bytes in a message's payload. */
export function decodeAfter(from, payload, header) {
    return from.decode(new NlReader(payload, header));
}
/** Drops the properties that are undefined, so that what is absent on the wire is absent in the object. */
export function defined(value) {
    const copy = {};
    for (const [name, property] of Object.entries(value))
        if (property !== undefined)
            copy[name] = property;
    return copy;
}
//# sourceMappingURL=fields.js.map