import { expect, test } from 'vitest'
import { Entrusted } from '../../src/content/entrusted.ts'
import { Arcs } from '../../src/space/arcs.ts'

const arc = (from: string, to: string) => ({ from, to })
const arcs = (from: string, to: string) => Arcs.of([arc(from, to)])

test('what others have had for long enough is known by its key', () => {
  const entrusted = new Entrusted()
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '30'), 1000)
  expect(entrusted.has('20')).toBe(true)
  expect(entrusted.has('20', 999)).toBe(false)
  expect(entrusted.has('20', 1000)).toBe(true)
  expect(entrusted.has('35')).toBe(false)
})

test('a second look keeps the time of the first, and forgets what is not confirmed', () => {
  const entrusted = new Entrusted()
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '30'), 1000)
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('20', '40'), 2000)
  expect(entrusted.has('18')).toBe(false)
  expect(entrusted.has('28', 1000)).toBe(true)
  expect(entrusted.has('38', 1000)).toBe(false)
  expect(entrusted.has('38', 2000)).toBe(true)
})

test('what is said of one arc says nothing of another', () => {
  const entrusted = new Entrusted()
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '40'), 1000)
  entrusted.begin()
  entrusted.note(arc('50', '60'), Arcs.none, 2000)
  expect(entrusted.has('20', 1000)).toBe(true)
})

test('whatever comes in takes its key out, even while others are asked', () => {
  const entrusted = new Entrusted()
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '40'), 1000)
  entrusted.touch('20')
  expect(entrusted.has('20')).toBe(false)
  expect(entrusted.has('21')).toBe(true)
  entrusted.begin()
  entrusted.touch('22')
  entrusted.note(arc('10', '40'), arcs('10', '40'), 2000)
  expect(entrusted.has('20', 2000)).toBe(true)
  expect(entrusted.has('21', 1000)).toBe(true)
  expect(entrusted.has('22')).toBe(false)
})

test('what comes in after others were asked is not theirs, and what this node holds again is not either', () => {
  const entrusted = new Entrusted()
  entrusted.begin()
  entrusted.note(arc('10', '40'), arcs('10', '40'), 1000)
  entrusted.touch('20')
  expect(entrusted.holesOn(arc('10', '40'))).toBe(1)
  entrusted.takeBack(arcs('2f', '40'))
  expect(entrusted.has('18')).toBe(true)
  expect(entrusted.has('30')).toBe(false)
})
