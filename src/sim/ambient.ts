/**
 * Poison: while a world runs, ambient time, randomness, timers and I/O throw where they stand. A run that used any of
 * them would not be the same the next time, and comparing two traces would show it only sometimes.
 */
import assert from 'node:assert/strict'

/** The world's own, taken before anything is poisoned. */
export const realSetImmediate = globalThis.setImmediate

const places: readonly [owner: object, name: string, names: readonly string[]][] = [
  [globalThis, '', ['setTimeout', 'setInterval', 'setImmediate', 'fetch']],
  [Date, 'Date', ['now']],
  [Math, 'Math', ['random']],
  [performance, 'performance', ['now']],
  [AbortSignal, 'AbortSignal', ['timeout']],
  [crypto, 'crypto', ['randomUUID', 'getRandomValues']],
  [crypto.subtle, 'crypto.subtle', ['digest']],
  [Atomics, 'Atomics', ['waitAsync']],
]

let poisoned = false

/** Poisons until the function that it returns is called. One world at a time: the poison is the process's. */
export const poison = (): (() => void) => {
  assert(!poisoned, 'another world is running in this process; await it first')
  poisoned = true
  const RealDate = Date
  const restores = places.flatMap(([owner, prefix, names]) =>
    names.map((name) => replace(owner, name, thrower(prefix === '' ? name : `${prefix}.${name}`))),
  )
  const hrtime = Object.assign(thrower('process.hrtime'), { bigint: thrower('process.hrtime') })
  restores.push(replace(process, 'hrtime', hrtime))
  const PoisonedDate = class extends RealDate {
    constructor(...parts: [] | [number | string | Date]) {
      if (parts.length === 0) forbid('new Date()')
      super(...(parts as [number]))
    }
  }
  restores.push(replace(globalThis, 'Date', PoisonedDate))
  return () => {
    for (const restore of restores.reverse()) restore()
    poisoned = false
  }
}

const forbid = (name: string): never => {
  throw new Error(`${name} in the simulator: use the ports (clock, random, network)`)
}

const thrower = (name: string) => (): never => forbid(name)

/** Puts a property in the place of another, own or inherited; returns how to put the old one back. */
const replace = (owner: object, name: string, value: unknown): (() => void) => {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  Object.defineProperty(owner, name, { value, configurable: true, writable: true, enumerable: own?.enumerable ?? false })
  return () => {
    if (own) Object.defineProperty(owner, name, own)
    else Reflect.deleteProperty(owner, name)
  }
}
