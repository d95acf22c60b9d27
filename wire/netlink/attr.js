// Netlink messages and attributes (TLVs): one writer, one reader.
// linux/netlink.h (v6.1): struct nlmsghdr { u32 len; u16 type, flags; u32 seq, pid }, struct nlattr { u16 len, type }.
// Both are padded to 4 bytes, and their lengths do not count the padding that follows. The byte order is in the
// method's name: `u32` is the host's (little endian, checked once below), `u32be` is the network's.
import { WireError } from '../wire-error.js';
import { NLA_F_NESTED, NLA_TYPE_MASK } from './constants.js';
const NLA_HDRLEN = 4;
if (new Uint8Array(Uint16Array.of(1).buffer)[0] !== 1)
    throw new Error('plumbline speaks netlink on little-endian machines only');
/** Appends messages and attributes to one growing buffer. A value that does not fit its width is a RangeError. */
export class NlWriter {
    /** The sequence number of the next message; counts up by one for each. */
    nextSeq = 1;
    #buf;
    #at = 0;
    constructor(size = 1024) {
        this.#buf = Buffer.allocUnsafeSlow(size);
    }
    /** How many bytes have been written. */
    get length() {
        return this.#at;
    }
    u8(v) {
        if (v >>> 0 !== v || v > 0xff)
            throw unfit(v, 'u8');
        const at = this.#claim(1);
        this.#buf[at] = v;
        return this;
    }
    u16(v) {
        if (v >>> 0 !== v || v > 0xffff)
            throw unfit(v, 'u16');
        const at = this.#claim(2);
        this.#buf[at] = v;
        this.#buf[at + 1] = v >>> 8;
        return this;
    }
    i16(v) {
        if ((v << 16) >> 16 !== v)
            throw unfit(v, 'i16');
        return this.u16(v & 0xffff);
    }
    /** Takes what bit operators yield, too: -1 is 0xffffffff. */
    u32(v) {
        if (v >>> 0 !== v && (v | 0) !== v)
            throw unfit(v, 'u32');
        const at = this.#claim(4);
        const buf = this.#buf;
        buf[at] = v;
        buf[at + 1] = v >>> 8;
        buf[at + 2] = v >>> 16;
        buf[at + 3] = v >>> 24;
        return this;
    }
    i32(v) {
        if ((v | 0) !== v)
            throw unfit(v, 'i32');
        return this.u32(v);
    }
    u64(v) {
        const at = this.#claim(8);
        this.#buf.writeBigUInt64LE(v, at);
        return this;
    }
    u16be(v) {
        if (v >>> 0 !== v || v > 0xffff)
            throw unfit(v, 'u16');
        const at = this.#claim(2);
        this.#buf[at] = v >>> 8;
        this.#buf[at + 1] = v;
        return this;
    }
    /** Takes what bit operators yield, too: -1 is 0xffffffff. */
    u32be(v) {
        if (v >>> 0 !== v && (v | 0) !== v)
            throw unfit(v, 'u32');
        const at = this.#claim(4);
        const buf = this.#buf;
        buf[at] = v >>> 24;
        buf[at + 1] = v >>> 16;
        buf[at + 2] = v >>> 8;
        buf[at + 3] = v;
        return this;
    }
    u64be(v) {
        const at = this.#claim(8);
        this.#buf.writeBigUInt64BE(v, at);
        return this;
    }
    bytes(b) {
        const at = this.#claim(b.length);
        this.#buf.set(b, at);
        return this;
    }
    zeros(count) {
        let at = this.#claim(count);
        while (at < this.#at)
            this.#buf[at++] = 0;
        return this;
    }
    /** UTF-8 with a NUL behind. Text that contains a NUL is a RangeError. */
    cstr(s) {
        let at = this.#claim(s.length + 1);
        for (let i = 0; i < s.length; i++) {
            const c = s.charCodeAt(i);
            if (c === 0)
                throw new RangeError(`text with a NUL: ${JSON.stringify(s)}`);
            if (c > 0x7f) {
                this.#at = at - i;
                return this.bytes(Buffer.from(`${s}\0`));
            }
            this.#buf[at++] = c;
        }
        this.#buf[at] = 0;
        return this;
    }
    /** Zeros up to the next multiple of four (counted from the start of the buffer, where messages start). */
    pad4() {
        return (this.#at & 3) === 0 ? this : this.zeros(4 - (this.#at & 3));
    }
    attr(type, payload) {
        return this.#head(type, payload.length).bytes(payload).pad4();
    }
    attrU8(type, v) {
        return this.#head(type, 1).u8(v).zeros(3);
    }
    attrU16(type, v) {
        return this.#head(type, 2).u16(v).zeros(2);
    }
    attrU32(type, v) {
        return this.#head(type, 4).u32(v);
    }
    attrI32(type, v) {
        return this.#head(type, 4).i32(v);
    }
    attrU64(type, v) {
        return this.#head(type, 8).u64(v);
    }
    attrU16be(type, v) {
        return this.#head(type, 2).u16be(v).zeros(2);
    }
    attrU32be(type, v) {
        return this.#head(type, 4).u32be(v);
    }
    attrU64be(type, v) {
        return this.#head(type, 8).u64be(v);
    }
    /** A NUL-terminated string. */
    attrString(type, s) {
        const start = this.#at;
        this.#head(type, 0).cstr(s);
        return this.#endAttr(start);
    }
    /** An attribute that says all by being there. */
    attrFlag(type) {
        return this.#head(type, 0);
    }
    /** An attribute whose payload `fn` writes, be it a struct or more attributes. `type` goes out as given. */
    attrOf(type, fn) {
        const start = this.#at;
        this.#head(type, 0);
        fn(this);
        return this.#endAttr(start);
    }
    /** The same with NLA_F_NESTED, which the younger parts of the kernel insist upon. */
    nested(type, fn) {
        return this.attrOf(type | NLA_F_NESTED, fn);
    }
    /** Attributes kept by a decoder, as they were. */
    raw(attributes) {
        if (attributes !== undefined)
            for (const { type, data } of attributes)
                this.attr(type, data);
        return this;
    }
    /** One message; `fn` writes what follows the header. */
    message(type, flags, fn) {
        const start = this.#at;
        this.u32(0).u16(type).u16(flags).u32(this.nextSeq).u32(0);
        this.nextSeq = (this.nextSeq + 1) >>> 0;
        fn(this);
        this.pad4();
        this.#buf.writeUInt32LE(this.#at - start, start);
        return this;
    }
    /** A view of what was written; `reset` and further writing invalidate it. */
    finish() {
        return this.#buf.subarray(0, this.#at);
    }
    /** Starts anew in the same buffer; `nextSeq` goes on. */
    reset() {
        this.#at = 0;
        return this;
    }
    #head(type, length) {
        if (length > 0xffff - NLA_HDRLEN)
            throw new RangeError(`attribute ${type & NLA_TYPE_MASK} is too long`);
        return this.u16(length + NLA_HDRLEN).u16(type);
    }
    #endAttr(start) {
        const length = this.#at - start;
        if (length > 0xffff) {
            const type = this.#buf.readUInt16LE(start + 2) & NLA_TYPE_MASK;
            throw new RangeError(`attribute ${type} is too long: ${length} bytes`);
        }
        this.#buf[start] = length;
        this.#buf[start + 1] = length >>> 8;
        return this.pad4();
    }
    #claim(count) {
        const at = this.#at;
        const end = at + count;
        if (end > this.#buf.length) {
            const bigger = Buffer.allocUnsafeSlow(Math.max(end, this.#buf.length * 2));
            this.#buf.copy(bigger, 0, 0, at);
            this.#buf = bigger;
        }
        this.#at = end;
        return at;
    }
}
/**
 * Walks the attributes in `buf[start, end)`: `next()` steps to an attribute, the typed readers read its payload.
 * Whatever does not add up is a WireError. Views (`bytes`, `payload`) live as long as `buf` does.
 */
export class NlReader {
    /** The attribute's type without its flag bits. */
    type = 0;
    /** The type as it stood on the wire. */
    rawType = 0;
    #buf;
    #end;
    #next;
    #from = 0;
    #to = 0;
    constructor(buf, start = 0, end = buf.length) {
        if (start > end || end > buf.length)
            throw new WireError(`no attributes in [${start}, ${end})`, start);
        this.#buf = buf;
        this.#next = start;
        this.#end = end;
    }
    /** Whether the attribute says that it holds attributes (older parts of the kernel do not say so). */
    get isNested() {
        return (this.rawType & NLA_F_NESTED) !== 0;
    }
    /** The payload's length in bytes. */
    get size() {
        return this.#to - this.#from;
    }
    /** Where the payload starts in the buffer, for error messages. */
    get offset() {
        return this.#from;
    }
    /** Steps to the next attribute; false when there is none. */
    next() {
        const at = this.#next;
        const left = this.#end - at;
        if (left === 0)
            return false;
        if (left < NLA_HDRLEN)
            throw new WireError(`${left} stray bytes after the attributes`, at);
        const buf = this.#buf;
        const length = buf[at] | (buf[at + 1] << 8);
        if (length < NLA_HDRLEN || length > left)
            throw new WireError(`attribute length ${length} where ${left} bytes are left`, at);
        this.rawType = buf[at + 2] | (buf[at + 3] << 8);
        this.type = this.rawType & NLA_TYPE_MASK;
        this.#from = at + NLA_HDRLEN;
        this.#to = at + length;
        this.#next = Math.min(at + ((length + 3) & ~3), this.#end);
        return true;
    }
    u8() {
        return this.#buf[this.#sized(1)];
    }
    u16() {
        const at = this.#sized(2);
        return this.#buf[at] | (this.#buf[at + 1] << 8);
    }
    u32() {
        return this.#buf.readUInt32LE(this.#sized(4));
    }
    i32() {
        return this.#buf.readInt32LE(this.#sized(4));
    }
    u64() {
        return this.#buf.readBigUInt64LE(this.#sized(8));
    }
    u16be() {
        const at = this.#sized(2);
        return (this.#buf[at] << 8) | this.#buf[at + 1];
    }
    u32be() {
        return this.#buf.readUInt32BE(this.#sized(4));
    }
    u64be() {
        return this.#buf.readBigUInt64BE(this.#sized(8));
    }
    /** A view of the payload; with `length`, one of exactly (or, with `atLeast`, no less than) so many bytes. */
    bytes(length, atLeast = false) {
        if (length !== undefined && (atLeast ? this.size < length : this.size !== length))
            throw this.#misfit(length);
        return this.#buf.subarray(this.#from, this.#to);
    }
    /** Text up to the first NUL, or to the payload's end. */
    string() {
        const nul = this.#buf.indexOf(0, this.#from);
        return this.#buf.toString('utf8', this.#from, nul < 0 || nul > this.#to ? this.#to : nul);
    }
    flag() {
        this.#sized(0);
        return true;
    }
    /** The attribute as it stands, copied out of the buffer. */
    raw() {
        return { type: this.rawType, data: Uint8Array.prototype.slice.call(this.#buf, this.#from, this.#to) };
    }
    /** A reader over the attributes inside this one. */
    inner() {
        return new NlReader(this.#buf, this.#from, this.#to);
    }
    /** Gives `fn` a reader over the attributes inside this one, and returns what it returns. */
    nested(fn) {
        return fn(this.inner());
    }
    /** Calls `fn` on each attribute that is left. */
    each(fn) {
        while (this.next())
            fn(this);
    }
    #sized(length) {
        if (this.#to - this.#from !== length)
            throw this.#misfit(length);
        return this.#from;
    }
    #misfit(length) {
        return new WireError(`attribute ${this.type} has ${this.size} bytes, not ${length}`, this.#from);
    }
}
function unfit(v, width) {
    return new RangeError(`${v} is no ${width}`);
}
//# sourceMappingURL=attr.js.map