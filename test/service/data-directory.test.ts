/** Which directories a node takes for its data. Those that it does not take stay as they are. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { holdersOf, isClaim } from '../../src/service/claim.ts'
import { networkIn, takeDirectory } from '../../src/service/data-directory.ts'
import { makeDirectory } from '../../src/service/directory.ts'
import { createLog } from '../../src/service/log.ts'
import { LmdbStore } from '../../src/service/lmdb-store.ts'
import { recordAt } from '../content/store.suite.ts'

const identity = { network: '0123456789abcdef', id: '7f' }
const log = createLog('store', 'silent', undefined)
const root = mkdtempSync(join(tmpdir(), 'polychord-data-'))
let count = 0
afterAll(() => rmSync(root, { recursive: true }))

const freshDirectory = (files: Record<string, string> = {}): string => {
  const directory = join(root, `data-${++count}`)
  mkdirSync(directory)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  return directory
}

/** With 2000 small values and a few that have pages of their own. */
const filledDirectory = async (): Promise<string> => {
  const directory = freshDirectory()
  const store = await LmdbStore.open(directory, identity, log)
  for (let n = 0; n < 2000; n++) store.write(recordAt(n.toString(16).padStart(4, '0'), 'v:1', `value ${n}`))
  for (let n = 0; n < 5; n++) store.write(recordAt(`ff0${n}`, 'v:1', 'large'.repeat(10_000)))
  await store.close()
  return directory
}

const contentOf = (directory: string): Record<string, string> =>
  Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'latin1')] as const))

const take = (directory: string, wanted = identity): void => {
  const taken = takeDirectory(directory, wanted)
  onTestFinished(() => taken.release())
}

describe('taken', () => {
  test('a directory that is not there yet, nor those above it', () => {
    const directory = join(root, 'not', 'there', 'yet')
    take(directory)
    expect(statSync(directory).isDirectory()).toBe(true)
    expect(networkIn(directory)).toBeUndefined()
  })

  test('an empty one, and the root of an empty file system', () => {
    take(freshDirectory())
    take(freshDirectory({ 'lost+found': '' }))
  })

  test('its own, which says whose it is', async () => {
    const directory = await filledDirectory()
    take(directory)
    expect(networkIn(directory)).toBe(identity.network)
    expect(JSON.parse(readFileSync(join(directory, 'node.json'), 'utf8'))).toEqual({ format: 2, ...identity })
  })

  test('one in which a first start was interrupted; what there is of a database is begun anew', async () => {
    const directory = freshDirectory({ [`process-1-1_00000000.claim`]: '', 'data.mdb': 'garbage', 'node.json.new': '{' })
    const store = await LmdbStore.open(directory, identity, log)
    expect(store.size).toBe(0)
    await store.close()
    expect(readdirSync(directory).sort()).toEqual(['data.mdb', 'journal-0', 'journal-1', 'lock.mdb', 'node.json'])
  })

  test('one in which a first start failed', () => {
    const directory = freshDirectory()
    const { release } = takeDirectory(directory, identity)
    writeFileSync(join(directory, 'data.mdb'), 'half')
    release()
    expect(readdirSync(directory)).toEqual([])
    take(directory, { ...identity, id: '80' })
  })

  test('one that a process had which has ended, though another has its number by now', async () => {
    const directory = await filledDirectory()
    for (const dead of ['process-999999999-1_00000000.claim', `process-${process.pid}-1_00000000.claim`, 'process-1-1_0.claim'])
      writeFileSync(join(directory, dead), '')
    take(directory)
    expect(readdirSync(directory).filter(isClaim)).toHaveLength(1)
  })
})

test('one is made with those that it is in, or it is said why not', () => {
  const directory = freshDirectory({ file: '' })
  for (let time = 0; time < 2; time++) makeDirectory(join(directory, 'a', 'b', 'c'))
  expect(statSync(join(directory, 'a', 'b', 'c')).isDirectory()).toBe(true)
  expect(() => makeDirectory(join(directory, 'file', 'a'))).toThrow('ENOTDIR')
  // Node's own way never came back.
  expect(() => makeDirectory('/proc/polychord/a')).toThrow(/^E/)
})

test('who holds one is found; nobody does where it is gone meanwhile: that ended a killall beside a leave', () => {
  const directory = freshDirectory()
  const { release } = takeDirectory(directory, identity)
  expect(holdersOf(directory)).toEqual([process.pid])
  release()
  expect(holdersOf(directory)).toEqual([])
  rmSync(directory, { recursive: true })
  expect(holdersOf(directory)).toEqual([])
})

describe('refused, and left as it is', () => {
  const refusal = (directory: string, wanted = identity): string => {
    const before = contentOf(directory)
    let told = ''
    try {
      takeDirectory(directory, wanted).release()
    } catch (error) {
      told = (error as Error).message
    }
    expect(contentOf(directory)).toEqual(before)
    expect(told).toMatch(new RegExp(`^POLYCHORD_DATA=${directory} `))
    return told.replace(`POLYCHORD_DATA=${directory} `, '')
  }

  test.each<[string, Record<string, string>, string]>([
    ['something else', { 'notes.txt': 'mine' }, 'has something else in it (notes.txt): name an empty directory, or a new one'],
    ['a database that is not ours', { 'data.mdb': '', 'lock.mdb': '' }, 'has something else in it (data.mdb, lock.mdb): '],
    ['a broken node.json', { 'node.json': '{"format":1,"netw' }, 'has a node.json that says nothing of a node: restore it, '],
    ['a node.json of something else', { 'node.json': '["hello"]' }, 'has a node.json that says nothing of a node: '],
    ['data of another version', { 'node.json': '{"format":7}' }, 'was written by another version (format 7, this one has 2): '],
    [
      'no database any more',
      { 'node.json': JSON.stringify({ format: 2, ...identity }) },
      'has a damaged database (data.mdb is gone)',
    ],
    [
      'a journal that is gone, with what was acknowledged',
      { 'node.json': JSON.stringify({ format: 2, ...identity }), 'data.mdb': '', 'journal-0': '' },
      'has a damaged database (journal-1 is gone)',
    ],
  ])('%s', (_what, files, message) => {
    expect(refusal(freshDirectory(files))).toContain(message)
  })

  test('data of another network, or of another node', async () => {
    const directory = await filledDirectory()
    expect(refusal(directory, { ...identity, network: 'f'.repeat(16) })).toBe(
      'has data of network 0123456789abcdef, and this node is of ffffffffffffffff: name another directory, or delete this one to begin without its data, when no node runs on it',
    )
    expect(refusal(directory, { ...identity, id: '80' })).toContain('has data of node 7f, and this node is 80: ')
  })

  test('a file', () => {
    const file = join(freshDirectory({ file: '' }), 'file')
    expect(() => takeDirectory(file, identity)).toThrow(`POLYCHORD_DATA=${file} is no directory: name one`)
    expect(() => takeDirectory(join(file, 'under'), identity)).toThrow('is no directory: name one')
  })

  const damages: Record<string, (database: string) => void> = {
    'cut off in its header': (database) => truncateSync(database, 100),
    'without content': (database) => truncateSync(database, 0),
    'cut in half': (database) => truncateSync(database, statSync(database).size / 2),
    'cut off after its headers': (database) => truncateSync(database, 8192),
    'of text': (database) => writeFileSync(database, 'hello'.repeat(10_000)),
    'of zeros': (database) => writeFileSync(database, Buffer.alloc(statSync(database).size)),
    'with garbage in its first header': (database) => garble(database, 0, 4096),
    'with garbage in its second header': (database) => garble(database, 4096, 4096),
    'with garbage in its pages': (database) => garble(database, 8192, statSync(database).size),
    'with one page of another place': (database) => {
      const bytes = readFileSync(database)
      bytes.copy(bytes, 30 * 4096, 40 * 4096, 41 * 4096)
      writeFileSync(database, bytes)
    },
  }
  test.each(Object.entries(damages))('a database %s', async (_how, damage) => {
    const directory = await filledDirectory()
    damage(join(directory, 'data.mdb'))
    expect(refusal(directory)).toMatch(
      /^has a damaged database \(it.*\): restore it, name another directory, or delete this one/,
    )
  })
})

const garble = (database: string, from: number, bytes: number): void => {
  const content = readFileSync(database)
  writeFileSync(database, content.fill('garbage', from, Math.min(from + bytes, content.length)))
}
