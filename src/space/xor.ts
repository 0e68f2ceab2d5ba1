/** The metric of Kademlia: the distance of two ids is their exclusive or, and where they part says the most of it. Kademlia (2002) §2.1. */
import type { Id } from './id.ts'

/** Bits that two ids begin with in common; all of them when they are the same. */
export const commonBits = (a: Id, b: Id): number => {
  for (let at = 0; at < a.length; at++) {
    const apart = digitAt(a, at) ^ digitAt(b, at)
    if (apart !== 0) return 4 * at + Math.clz32(apart) - 28
  }
  return 4 * a.length
}

/** One bit of an id, counted from the first. */
export const bitOf = (id: Id, at: number): number => (digitAt(id, at >> 2) >> (3 - (at & 3))) & 1

/** The keys that begin like `id` in so many bits, and have `bit` next: the first and the last. */
export const subtree = (id: Id, bits: number): { first: Id; last: Id } => {
  const rest = (1n << BigInt(4 * id.length - bits)) - 1n
  const number = BigInt(`0x${id}`)
  return { first: hex(number & ~rest, id.length), last: hex(number | rest, id.length) }
}

/** The same id with one bit the other way. */
export const flipped = (id: Id, at: number): Id => hex(BigInt(`0x${id}`) ^ (1n << BigInt(4 * id.length - 1 - at)), id.length)

const digitAt = (id: Id, at: number): number => {
  const code = id.charCodeAt(at)
  return code < 58 ? code - 48 : code - 87
}

const hex = (number: bigint, width: number): Id => number.toString(16).padStart(width, '0')
