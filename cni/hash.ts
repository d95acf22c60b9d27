// A short, stable, non-cryptographic hash for names that must be derivable and fit a limit (IFNAMSIZ, NAME_MAX).
// Whoever uses it must cope with a collision; node:crypto would cost a one-shot call 3 ms.

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** Hashes text to `length` characters of base32 (5 bits each, at most 12). The same text gives the same characters for ever. */
export function shortHash(text: string, length: number): string {
  const words = hash64(text)
  let out = ''
  // Six characters from each word.
  for (let i = 0; i < length; i++) out += alphabet[(words[i < 6 ? 1 : 0] >>> (5 * (i % 6))) & 31]
  return out
}

/** 64 bits as two unsigned words: two multiplicative hashes with different constants, each mixed with the other at the end. */
export function hash64(text: string): [number, number] {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x9e3779b1)
    b = Math.imul(b ^ unit, 0x5f356495)
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35)
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35)
  return [a >>> 0, b >>> 0]
}
