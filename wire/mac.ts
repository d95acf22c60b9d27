// A 48-bit link-layer address (EUI-48).

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** An Ethernet address. Immutable; `bytes` holds 6 octets. */
export class Mac {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    if (bytes.length !== 6) throw new RangeError(`a MAC address has 6 bytes, not ${bytes.length}`)
    this.bytes = bytes
  }

  /** Parses `aa:bb:cc:dd:ee:ff` (or with '-'); throws a RangeError that names the text. */
  static parse(text: string): Mac {
    const mac = Mac.tryParse(text)
    if (mac === undefined) throw new RangeError(`not a MAC address: ${JSON.stringify(text)}`)
    return mac
  }

  static tryParse(text: string): Mac | undefined {
    if (!/^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(text)) return undefined
    return new Mac(Uint8Array.from(text.split(/[:-]/), hex => Number.parseInt(hex, 16)))
  }

  equals(other: Mac): boolean {
    return Buffer.compare(this.bytes, other.bytes) === 0
  }

  /** True when frames may be sent from it: neither multicast nor all zero. */
  isUnicast(): boolean {
    return (this.bytes[0]! & 1) === 0 && this.bytes.some(byte => byte !== 0)
  }

  toString(): string {
    const [a, b, c, d, e, f] = this.bytes as unknown as [number, number, number, number, number, number]
    return `${hex[a]}:${hex[b]}:${hex[c]}:${hex[d]}:${hex[e]}:${hex[f]}`
  }

  toJSON(): string {
    return this.toString()
  }
}
