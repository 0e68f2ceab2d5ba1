/** The store on disk, beyond what every store does: what a crash leaves, who may open it, and a disk that is full. */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { isClaim } from '../../src/service/claim.ts'
import { damageOf } from '../../src/service/database-file.ts'
import { journalFiles } from '../../src/service/journal.ts'
import { createLog } from '../../src/service/log.ts'
import { LmdbStore } from '../../src/service/lmdb-store.ts'
import { recordAt, recordsAt, storeSuite } from '../content/store.suite.ts'
import { eventually } from './live.ts'

const identity = { network: '0123456789abcdef', id: '7f' }
const root = mkdtempSync(join(tmpdir(), 'polychord-store-'))
const opened = new Set<LmdbStore>()
let count = 0
/** Less than an entry has: each flush is followed by a commit. */
const smallTurn = 1
// A writer is built like anything that runs here.
beforeAll(() => import('../../tasks/prepare.mjs' as string))
afterAll(async () => {
  for (const store of opened) await store.close()
  rmSync(root, { recursive: true })
})

const freshDirectory = (): string => join(root, `data-${++count}`)

const open = async (directory = freshDirectory(), events: string[] = [], turnBytes?: number): Promise<LmdbStore> => {
  const log = createLog('store', 'info', { write: (line) => void events.push((JSON.parse(line) as { msg: string }).msg) })
  const store = await LmdbStore.open(directory, identity, log, turnBytes)
  opened.add(store)
  return store
}

const close = async (store: LmdbStore): Promise<void> => {
  opened.delete(store)
  await store.close()
}

storeSuite('a store on disk', open)
storeSuite('a store on disk whose tree takes over what little the journal has', () => open(undefined, undefined, smallTurn))

describe('a store that is opened again', () => {
  test('has what it had when it was closed', async () => {
    const directory = freshDirectory()
    const store = await open(directory)
    store.write(recordAt('0a', 'v:1', 'ä'.repeat(500_000)))
    store.write(recordAt('0a', 'v:2', 'dropped'))
    store.drop('0a', 'v:2')
    store.remember('words')
    await close(store)
    const again = await open(directory)
    expect(again).toMatchObject({ size: 1, memo: 'words' })
    expect(again.scan('', 10)).toEqual([recordAt('0a', 'v:1', 'ä'.repeat(500_000))])
  })

  test('can be used no more once it is closed', async () => {
    const store = await open()
    await close(store)
    expect(() => recordsAt(store, '0a')).toThrow('the store is closed')
    expect(() => store.write(recordAt('0a', 'v:1'))).toThrow('the store is closed')
    await expect(store.flushed()).rejects.toThrow('the store is closed')
  })

  test('takes nothing any more from the moment when it is being closed', async () => {
    const directory = freshDirectory()
    const store = await open(directory)
    store.write(recordAt('0a', 'v:1'))
    const closing = close(store)
    expect(() => store.write(recordAt('0b', 'v:1'))).toThrow('the store is closed')
    await expect(store.flushed()).rejects.toThrow('the store is closed')
    await closing
    expect((await open(directory)).size).toBe(1)
  })

  // What was acknowledged was gone with the process.
  test('takes nothing any more once its files are removed', async () => {
    const directory = freshDirectory()
    const store = await open(directory)
    store.write(recordAt('0a', 'v:1'))
    await store.flushed()
    for (const file of readdirSync(directory)) rmSync(join(directory, file))
    store.write(recordAt('0b', 'v:1'))
    await expect(store.flushed()).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(store.isFull).toBe(true)
    await expect(close(store)).rejects.toMatchObject({ code: 'STORE_FULL' })
  })

  test('is whole, however it has grown and shrunk', async () => {
    const directory = freshDirectory()
    const store = await open(directory, [], smallTurn)
    for (let round = 0; round < 40; round++) {
      for (let n = 0; n < 50; n++) {
        const place = (round * 7919 + n * 104_729) % 1000
        const key = place.toString(16).padStart(4, '0')
        if ((round + n) % 3 === 0) store.drop(key, 'v:1')
        else store.write(recordAt(key, 'v:1', 'x'.repeat((n % 10) ** 5)))
      }
      await store.flushed()
      expect(damageOf(join(directory, 'data.mdb'))).toBeUndefined()
    }
  })
})

describe('after a crash', () => {
  /** What the disk has at this moment, as whoever opens it later finds it. */
  const crashed = (directory: string): string => {
    const copy = freshDirectory()
    cpSync(directory, copy, { recursive: true, filter: (path) => !isClaim(basename(path)) && basename(path) !== 'lock.mdb' })
    return copy
  }
  const keyOf = (number: number) => number.toString(16).padStart(4, '0')

  test('everything is there that was flushed, also what was changed while other changes were on their way', async () => {
    const directory = freshDirectory()
    const store = await open(directory)
    for (let number = 0; number < 50; number++) {
      store.write(recordAt(keyOf(number), 'v:1'))
      store.remember(`${number} words`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await store.flushed()
    expect(await open(crashed(directory))).toMatchObject({ size: 50, memo: '49 words' })
  })

  test('what is changed in the next life is there after the next crash, too', async () => {
    let directory = freshDirectory()
    for (let life = 0; life < 4; life++) {
      const store = await open(directory)
      expect(store.size).toBe(life)
      store.write(recordAt(keyOf(life), 'v:1'))
      await store.flushed()
      directory = crashed(directory)
    }
  })
})

test('a journal grows no longer than a few turns', async () => {
  const directory = freshDirectory()
  const store = await open(directory, [], 4096)
  for (let number = 0; number < 100; number++) {
    store.write(recordAt('0a', `v:${number}`, 'x'.repeat(1000)))
    await store.flushed()
  }
  for (const file of journalFiles) expect(statSync(join(directory, file)).size).toBeLessThan(8 * 4096)
})

/** A process that writes to a directory. Resolves once so many of its records are flushed; `keys`: those that are so far. */
const startWriter = async (directory: string, count: number, turnBytes?: number) => {
  const words = ['tasks/run.mjs', 'test/service/writer.ts', directory, identity.network, identity.id, `${turnBytes ?? ''}`]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const keys = () => said.split('\n').slice(0, -1)
  const ended = new Promise((resolve) => child.on('close', resolve))
  await eventually(
    () => keys().length,
    (flushed) => flushed >= count,
  )
  return { keys, ended, pid: child.pid, kill: () => child.kill('SIGKILL') }
}

describe('a directory', () => {
  test.each([
    ['in its journal', undefined],
    ['in its tree, or about to be', 2000],
  ])('whose process is killed has all that was flushed, again and again, at once: %s', async (_where, turnBytes) => {
    const directory = freshDirectory()
    const flushed = new Set<string>()
    for (let life = 0; life < 3; life++) {
      const { keys, ended, kill } = await startWriter(directory, 500, turnBytes)
      kill()
      await ended
      for (const key of keys()) flushed.add(key)
      const store = await open(directory)
      for (const key of flushed) expect(recordsAt(store, key)).toMatchObject([{ value: `value of ${key}` }])
      await close(store)
    }
    expect(flushed.size).toBeGreaterThan(1500)
  })

  test('that a process has is refused to another, which is told of it', async () => {
    const directory = freshDirectory()
    const { pid, ended, kill } = await startWriter(directory, 1)
    await expect(open(directory)).rejects.toThrow(
      `POLYCHORD_DATA=${directory} is in the hands of process ${pid}: end that first, or name another directory`,
    )
    kill()
    await ended
    expect((await open(directory)).size).toBeGreaterThan(0)
  })

  test('that is open is refused to the same process too', async () => {
    const directory = freshDirectory()
    await open(directory)
    await expect(open(directory)).rejects.toThrow(`is in the hands of process ${process.pid}`)
  })
})

/** How large a file this process may write, in bytes. What is beyond it fails as on a full disk. */
const limitFiles = (bytes: number | 'unlimited') =>
  spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]).status === 0

describe.skipIf(!limitFiles('unlimited'))('on a full disk', () => {
  /** The room that is left is used up by the first few values. */
  const openFull = async (events: string[] = [], directory = freshDirectory(), turnBytes?: number) => {
    // LMDB tells of every commit that failed, on stderr.
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const store = await open(directory, events, turnBytes)
    store.write(recordAt('00', 'v:1', 'before'))
    await store.flushed()
    limitFiles(64 * 1024)
    onTestFinished(() => {
      limitFiles('unlimited')
      vi.restoreAllMocks()
    })
    return store
  }
  const large = 'x'.repeat(512 * 1024)

  test('a flush is refused, and what was written stays to be seen', async () => {
    const events: string[] = []
    const store = await openFull(events)
    store.write(recordAt('0a', 'v:1', large))
    await expect(store.flushed()).rejects.toMatchObject({ code: 'STORE_FULL', status: 507, message: /make room/ })
    await expect(store.flushed()).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(recordsAt(store, '0a')).toEqual([recordAt('0a', 'v:1', large)])
    expect(recordsAt(store, '00')).toHaveLength(1)
    expect(store.size).toBe(2)
    expect(events).toEqual(['disk takes nothing'])
  })

  test('a flush succeeds again as soon as there is room, with all that waited', async () => {
    const events: string[] = []
    const store = await openFull(events)
    store.write(recordAt('0a', 'v:1', large))
    expect(store.isFull).toBe(false)
    await expect(store.flushed()).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(store.isFull).toBe(true)
    limitFiles('unlimited')
    await store.flushed()
    expect(store.isFull).toBe(false)
    expect(events).toEqual(['disk takes nothing', 'disk takes writes again'])
    expect(recordsAt(store, '0a')).toEqual([recordAt('0a', 'v:1', large)])
  })

  test('what fits is written once what does not is dropped', async () => {
    const store = await openFull()
    store.write(recordAt('0a', 'v:1', large))
    await expect(store.flushed()).rejects.toMatchObject({ code: 'STORE_FULL' })
    store.drop('0a', 'v:1')
    store.write(recordAt('0b', 'v:1', 'small'))
    await store.flushed()
    expect(store.scan('', 10).map(({ key }) => key)).toEqual(['00', '0b'])
  })

  test('writes are refused once too much of them waits, until there is room', async () => {
    const store = await openFull()
    const write = (n: number) => store.write(recordAt(`1${n}`, 'v:1', large))
    write(0)
    await expect(store.flushed()).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(() => Array.from({ length: 20 }, (_, n) => write(n))).toThrow(
      expect.objectContaining({ code: 'STORE_FULL', status: 507 }),
    )
    expect(store.size).toBeLessThan(12)
    limitFiles('unlimited')
    await eventually(
      () => {
        try {
          return store.write(recordAt('ff', 'v:1'))
        } catch (error) {
          return error
        }
      },
      (refused) => refused === undefined,
    )
  })

  test('a tree that has no room is refused no flush as long as the journal has, and then takes over all of it', async () => {
    const events: string[] = []
    const directory = freshDirectory()
    const store = await openFull(events, directory, smallTurn)
    const keys: string[] = []
    const fill = async (): Promise<unknown> => {
      for (;;) {
        const key = (keys.length + 16).toString(16)
        store.write(recordAt(key, 'v:1', 'x'.repeat(5000)))
        keys.push(key)
        await store.flushed()
        if (events.length > 0) flushedInTrouble++
        expect(store.isFull).toBe(false)
      }
    }
    let flushedInTrouble = 0
    await expect(fill()).rejects.toMatchObject({ code: 'STORE_FULL', status: 507 })
    expect(keys.length).toBeGreaterThan(3)
    expect(flushedInTrouble).toBeGreaterThan(0)
    expect(store.isFull).toBe(true)
    limitFiles('unlimited')
    await store.flushed()
    expect(store.isFull).toBe(false)
    expect(events).toEqual(['disk takes nothing', 'disk takes writes again'])
    await close(store)
    expect(damageOf(join(directory, 'data.mdb'))).toBeUndefined()
    expect((await open(directory)).scan('', 100).map(({ key }) => key)).toEqual(['00', ...keys])
  })

  test('a store whose tree has no room for what its journal holds is not opened, and opens whole when there is room', async () => {
    const directory = freshDirectory()
    const { keys, ended, kill } = await startWriter(directory, 1000)
    kill()
    await ended
    vi.spyOn(console, 'error').mockImplementation(() => {})
    limitFiles(64 * 1024)
    onTestFinished(() => {
      limitFiles('unlimited')
      vi.restoreAllMocks()
    })
    await expect(open(directory)).rejects.toThrow(
      /^POLYCHORD_DATA=.* cannot take in what its journal holds \(.+\): make room, and start again$/,
    )
    limitFiles('unlimited')
    const store = await open(directory)
    for (const key of keys()) expect(recordsAt(store, key)).toHaveLength(1)
  })

  test('what could not be flushed is told when it is closed', async () => {
    const store = await openFull()
    store.write(recordAt('0a', 'v:1', large))
    await expect(close(store)).rejects.toMatchObject({ code: 'STORE_FULL' })
  })
})
