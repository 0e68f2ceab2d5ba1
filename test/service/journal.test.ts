/** The journal: what of it is there again, whatever a crash has left. */
import fc from 'fast-check'
import type * as Fs from 'node:fs'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Journal } from '../../src/service/journal.ts'

/** What happens to flushes: they are made, unless something else is said. */
const disk = vi.hoisted(() => ({ sync: undefined as ((done: (error: Error | null) => void) => void) | undefined }))
vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>()
  return {
    ...fs,
    fdatasync: (file: number, done: (error: Error | null) => void) => (disk.sync ? disk.sync(done) : fs.fdatasync(file, done)),
  }
})

const freshDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'polychord-journal-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}

/** What a journal that is opened now has of the turns after one. */
const textsIn = (directory: string, since = 0): string[] => {
  const { journal, texts } = Journal.open(directory, since)
  journal.close()
  return texts
}

/** One turn for each list of texts. */
const write = async (directory: string, turns: readonly (readonly string[])[], since = 0): Promise<void> => {
  const { journal } = Journal.open(directory, since)
  for (const [at, texts] of turns.entries()) {
    if (at > 0) journal.take()
    for (const text of texts) await journal.append(text)
  }
  journal.close()
}

const fileOf = (directory: string, turn: number): string => join(directory, `journal-${turn % 2}`)

test('has nothing at first, and is in its first turn', () => {
  const { journal, texts } = Journal.open(freshDirectory(), 0)
  journal.close()
  expect({ texts, turn: journal.turn, bytes: journal.bytes }).toEqual({ texts: [], turn: 1, bytes: 0 })
})

test('has what was appended in the last two turns, oldest first, whatever the text', async () => {
  const directory = freshDirectory()
  await write(directory, [['gone', 'gone too'], ['a', '', 'ä\n€'], ['b'.repeat(100_000)]])
  expect(textsIn(directory, 1)).toEqual(['a', '', 'ä\n€', 'b'.repeat(100_000)])
})

test('a turn that is not needed any more does not come back', async () => {
  const directory = freshDirectory()
  await write(directory, [['a', 'b'], ['c']])
  expect(textsIn(directory, 1)).toEqual(['c'])
  expect(textsIn(directory, 2)).toEqual([])
})

test('goes on after the last turn that was there', async () => {
  const directory = freshDirectory()
  await write(directory, [['a'], ['b']])
  await write(directory, [['c']])
  expect(textsIn(directory, 2)).toEqual(['c'])
})

test('of a turn that is shorter than the one it is written over, nothing older shows', async () => {
  const directory = freshDirectory()
  await write(directory, [['one', 'two', 'three', 'four'], [], ['new']])
  expect(textsIn(directory, 2)).toEqual(['new'])
})

test('a file that is cut anywhere has the entries before that, whole', async () => {
  const directory = freshDirectory()
  const texts = ['first', 'second, which is longer', '', 'last']
  await write(directory, [texts])
  const file = fileOf(directory, 1)
  const whole = readFileSync(file)
  let most = 0
  for (let end = 0; end <= whole.length; end++) {
    writeFileSync(file, whole.subarray(0, end))
    const left = textsIn(directory)
    expect(left).toEqual(texts.slice(0, left.length))
    expect(left.length).toBeGreaterThanOrEqual(most)
    most = left.length
  }
  expect(most).toBe(texts.length)
})

test('whatever a bit is turned into, an entry is as it was, or the turn ends before it', async () => {
  const directory = freshDirectory()
  const texts = ['first', 'second', 'third']
  await write(directory, [texts])
  const file = fileOf(directory, 1)
  const whole = readFileSync(file)
  fc.assert(
    fc.property(fc.nat(whole.length * 8 - 1), (bit) => {
      const changed = Buffer.from(whole)
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      writeFileSync(file, changed)
      const left = textsIn(directory)
      expect(left).toEqual(texts.slice(0, left.length))
      expect(left.length).toBeLessThan(texts.length)
    }),
  )
})

test('files that hold anything else count for nothing', () => {
  const directory = freshDirectory()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      writeFileSync(fileOf(directory, 0), bytes)
      expect(textsIn(directory)).toEqual([])
    }),
  )
})

test('nothing has been appended before it is flushed, and what could not be flushed is written again', async () => {
  const directory = freshDirectory()
  const { journal } = Journal.open(directory, 0)
  onTestFinished(() => {
    disk.sync = undefined
  })
  let flush: ((error: Error | null) => void) | undefined
  disk.sync = (done) => {
    flush = done
  }
  let isAppended = false
  const first = journal.append('first, and long').then(() => (isAppended = true))
  await vi.waitUntil(() => flush, { timeout: 30_000 })
  expect(isAppended).toBe(false)
  flush?.(null)
  await first
  disk.sync = (done) => done(new Error('the disk is gone'))
  await expect(journal.append('second, which is refused')).rejects.toThrow('the disk is gone')
  disk.sync = undefined
  await journal.append('2nd')
  journal.close()
  expect(textsIn(directory)).toEqual(['first, and long', '2nd'])
})
