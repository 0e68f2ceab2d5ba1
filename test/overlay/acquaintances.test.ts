import { expect, test } from 'vitest'
import { Acquaintances } from '../../src/overlay/acquaintances.ts'

const peer = (number: number) => ({ id: number.toString(16).padStart(8, '0'), url: `http://127.0.0.1:${10_000 + number}` })

test('whoever has answered is not pushed out by those who are only named', () => {
  const known = new Acquaintances()
  known.admit(peer(1), 0)
  for (let number = 100; number < 300; number++) known.introduce(peer(number), 1)
  expect(known.all().map((one) => one.peer)).toContainEqual(peer(1))
  expect(known.all().length).toBeLessThan(20)
})

test('of those who have answered, whoever was heard of longest ago goes first', () => {
  const known = new Acquaintances()
  for (let number = 0; number < 64; number++) known.admit(peer(number), number)
  known.admit(peer(0), 64)
  known.admit(peer(64), 65)
  const peers = known.all().map((one) => one.peer)
  expect(peers).toContainEqual(peer(0))
  expect(peers).not.toContainEqual(peer(1))
})

test('alive and dead are told since when', () => {
  const known = new Acquaintances()
  known.admit(peer(1), 10)
  known.admit(peer(1), 20)
  known.evict(peer(1).id, 30)
  known.evict(peer(1).id, 40)
  expect(known.all()).toEqual([{ peer: peer(1), alive: false, since: 30 }])
  known.admit(peer(1), 50)
  expect(known.all()).toEqual([{ peer: peer(1), alive: true, since: 50 }])
})
