import { expect, test } from 'vitest'
import { Entrusted } from '../../src/content/entrusted.ts'
import { Arcs } from '../../src/space/arcs.ts'

const arc = (from: string, to: string) => ({ from, to })
const arcs = (from: string, to: string) => Arcs.of([arc(from, to)])

test('what others have had for long enough is known by its key', () => {
  const entrusted = new Entrusted(500)
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '30'), 1000)
  expect(entrusted.has('20')).toBe(true)
  expect(entrusted.isSettled('20', 1499)).toBe(false)
  expect(entrusted.isSettled('20', 1500)).toBe(true)
  expect(entrusted.has('35')).toBe(false)
})

test('a second look keeps the time of the first, and forgets what is not confirmed', () => {
  const entrusted = new Entrusted(500)
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '30'), 1000)
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('20', '40'), 2000)
  expect(entrusted.has('18')).toBe(false)
  expect(entrusted.isSettled('28', 1500)).toBe(true)
  expect(entrusted.isSettled('38', 1500)).toBe(false)
  expect(entrusted.isSettled('38', 2500)).toBe(true)
})

test('what is said of one arc says nothing of another', () => {
  const entrusted = new Entrusted(500)
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '40'), 1000)
  entrusted.begin()
  entrusted.note(arc('50', '60'), Arcs.none, 2000)
  expect(entrusted.isSettled('20', 1500)).toBe(true)
})

test('whatever comes in takes its key out, even while others are asked', () => {
  const entrusted = new Entrusted(500)
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '40'), 1000)
  entrusted.touch('20')
  expect(entrusted.has('20')).toBe(false)
  expect(entrusted.has('21')).toBe(true)
  entrusted.begin()
  entrusted.touch('22')
  entrusted.note(arc('10', '40'), arcs('10', '40'), 2000)
  expect(entrusted.isSettled('20', 2500)).toBe(true)
  expect(entrusted.isSettled('21', 1500)).toBe(true)
  expect(entrusted.has('22')).toBe(false)
})

test('what comes in after others were asked is not theirs, and what this node holds again is not either', () => {
  const entrusted = new Entrusted(500)
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '40'), 1000)
  entrusted.touch('20')
  expect(entrusted.holesOn(arc('10', '40'))).toBe(1)
  entrusted.takeBack(arcs('2f', '40'))
  expect(entrusted.has('18')).toBe(true)
  expect(entrusted.has('30')).toBe(false)
})

// It was dropped by the next look, as if it had been with others for as long as the rest.
test('what came in later than the rest of its arc is settled later', () => {
  const entrusted = new Entrusted(500)
  const look = (now: number) => {
    entrusted.begin()
    entrusted.note(arc('10', '40'), arcs('10', '40'), now)
  }
  look(1000)
  entrusted.touch('20')
  look(9000)
  const settled = (now: number) => ['20', '21'].filter((key) => entrusted.isSettled(key, now))
  expect(entrusted.has('20')).toBe(true)
  expect(settled(9499)).toEqual(['21'])
  expect(settled(9500)).toEqual(['20', '21'])
  look(9600)
  expect(settled(9600)).toEqual(['20', '21'])
  entrusted.touch('20')
  expect(settled(99_000)).toEqual(['21'])
})
