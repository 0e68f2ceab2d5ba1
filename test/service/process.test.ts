/** A node as a process of its own, as whoever starts one gets to know it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { recall } from '../../src/service/recollection.ts'
import { openChannel } from './asker.ts'
import { freePort } from '../ports.ts'
import { eventually, statusOf } from './live.ts'

const start = fileURLToPath(new URL('../../dist/start.cjs', import.meta.url))
beforeAll(() => import('../../tasks/prepare.mjs' as string))

interface Started {
  readonly child: ChildProcess
  readonly url: string
  readonly messages: { ready?: { id: string; url: string; incarnation: number }; failed?: { code: string; message: string } }[]
  /** What it has written so far: its log, and whatever else. */
  readonly output: () => string
  readonly exit: Promise<number | null>
}

/** @param isNoted whether it is told that it has been noted, as tasks do once they have recorded its pid */
const startProcess = async (env: Record<string, string> = {}, file = start, isNoted = true): Promise<Started> => {
  const port = env['POLYCHORD_PORT'] ?? String(await freePort())
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      POLYCHORD_PORT: port,
      ...(isNoted ? { POLYCHORD_INCARNATION: String(Date.now()) } : {}),
      ...env,
    },
  })
  if (isNoted) child.send({ noted: true }, () => {})
  const messages: Started['messages'] = []
  let output = ''
  child.on('message', (message) => messages.push(message as Started['messages'][number]))
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += String(text)))
  const ends = [child.stdout, child.stderr].map((stream) => new Promise((resolve) => stream?.on('close', resolve)))
  const exit = new Promise<number | null>((resolve) =>
    child.on('exit', (code) => void Promise.all(ends).then(() => resolve(code))),
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, url: `http://127.0.0.1:${port}`, messages, output: () => output, exit }
}

const startReady = async (env: Record<string, string> = {}, file = start): Promise<Started> => {
  const started = await startProcess(env, file)
  await eventually(
    () => `${JSON.stringify(started.messages)} ${started.output()}`,
    () => started.messages.length > 0,
  )
  return started
}

const freshFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'polychord-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A port that somebody has. */
const takenPort = async (): Promise<string> => {
  const server = createServer((socket) => socket.end('hello\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return String((server.address() as AddressInfo).port)
}

const infoOf = async (url: string) => (await (await fetch(`${url}/nodeinfo`)).json()) as Record<string, unknown>

test('a node that is asked all the while stops with its work done', async () => {
  const other = await startReady()
  const { child, url, exit, output } = await startReady({ POLYCHORD_SEEDS: other.url })
  const ask = () => statusOf(`${url}/lookup?value=hello`).catch(() => 0)
  await eventually(ask, (status) => status === 404)
  const clients = Array.from({ length: 10 }, async () => {
    // The last of them are not answered any more.
    for (let status = 1; status > 0; ) status = await ask()
  })
  await ask()
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  await Promise.all(clients)
  expect(output()).not.toContain('before its work was done')
})

// Waited for a word that only tasks say, and said nothing itself.
test('a node starts under a supervisor that keeps a channel to it, which stays open', async () => {
  const port = String(await freePort())
  const { child, url, messages } = await startProcess({ POLYCHORD_PORT: port }, start, false)
  await eventually(
    () => statusOf(`${url}/readyz`).catch(() => 0),
    (status) => status === 200,
  )
  expect([child.connected, messages]).toEqual([true, []])
})

// A call for the sake of what it throws was left out of the bundle as one without effect.
test('the bundle refuses what the source does: an escape that is no UTF-8', async () => {
  const { url } = await startReady()
  const asked = [`${url}/lookup?value=%ff`, `${url}/find?value=%ff`].map((address) => statusOf(address))
  const stored = statusOf(`${url}/store?name=%ff`, { method: 'POST', body: 'hello' })
  expect(await Promise.all([...asked, stored])).toEqual([400, 400, 400])
})

describe('a node that starts', () => {
  test('tells its starter once it has joined, and lets it go', async () => {
    const { child, url, messages } = await startReady()
    const { id, incarnation } = await infoOf(url)
    expect(messages).toEqual([{ ready: { id, url, incarnation } }])
    await eventually(
      () => child.connected,
      (connected) => !connected,
    )
    expect(child.exitCode).toBeNull()
  })

  test('takes network, width of ids and the rest from its seed', async () => {
    const first = await startReady({ POLYCHORD_BITS: '16', POLYCHORD_OWNERSHIP: 'predecessor', POLYCHORD_MODE: 'linear' })
    const { network } = await infoOf(first.url)
    const second = await startReady({ POLYCHORD_SEEDS: `http://127.0.0.1:1,${first.url}` })
    expect(await infoOf(second.url)).toMatchObject({
      network,
      bits: 16,
      ownership: 'predecessor',
      mode: 'linear',
      successor: { url: first.url },
    })
  })

  test('after kill -9 has its content again, and is in its network', async () => {
    const data = join(freshFolder(), 'data')
    const env = { POLYCHORD_DATA: data, POLYCHORD_PORT: String(await freePort()) }
    const { child, exit, url } = await startReady(env)
    const { network } = await infoOf(url)
    expect(await statusOf(`${url}/store`, { method: 'POST', body: new URLSearchParams({ value: 'hello' }) })).toBe(201)
    child.kill('SIGKILL')
    await exit
    const again = await startReady(env)
    expect(await statusOf(`${again.url}/lookup?value=hello`)).toBe(200)
    expect(await infoOf(again.url)).toMatchObject({ network })
    expect(again.output()).not.toContain('in memory only')
  })

  describe('and has been there before', () => {
    const networkOf = async (count: number, settings: Record<string, string>) => {
      const lives: Record<string, string>[] = []
      const nodes: Started[] = []
      for (let n = 0; n < count; n++) {
        const env = { POLYCHORD_DATA: join(freshFolder(), 'data'), POLYCHORD_PORT: String(await freePort()) }
        lives.push({ ...env, POLYCHORD_FOUND_AFTER_MS: '500', ...(nodes[0] ? { POLYCHORD_SEEDS: nodes[0].url } : settings) })
        nodes.push(await startReady(lives.at(-1)))
      }
      const endAll = async () => {
        for (const { child } of nodes) child.kill('SIGKILL')
        await Promise.all(nodes.map(({ exit }) => exit))
      }
      return { lives, nodes, endAll }
    }

    test('is what its network is, and finds those it knew, though whom it was told to ask is gone', async () => {
      const { lives, nodes, endAll } = await networkOf(3, { POLYCHORD_OVERLAY: 'kademlia', POLYCHORD_K: '5' })
      const { network } = await infoOf(nodes[0]?.url ?? '')
      await endAll()
      const [second, third] = await Promise.all([startReady(lives[1]), startReady(lives[2])])
      await eventually(
        () => infoOf(second?.url ?? ''),
        (info) => info['overlay'] === 'kademlia' && JSON.stringify(info['buckets']).includes(third?.url ?? ''),
      )
      expect(await infoOf(third?.url ?? '')).toMatchObject({ network, overlay: 'kademlia', k: 5 })
    })

    test('comes back to its network though it founded it, unless it is to ask nobody', async () => {
      const { lives, nodes } = await networkOf(2, {})
      await eventually(
        () => readFileSync(join(lives[0]?.['POLYCHORD_DATA'] ?? '', 'network.json'), 'utf8'),
        (known) => known.includes(nodes[1]?.url ?? ''),
      )
      nodes[0]?.child.kill('SIGKILL')
      await nodes[0]?.exit
      const back = await startReady(lives[0])
      expect(back.output()).toContain('"msg":"ring joined"')
      back.child.kill('SIGKILL')
      await back.exit
      const alone = await startReady({ ...lives[0], POLYCHORD_SEEDS: '' })
      expect(alone.output()).toContain('"msg":"ring founded"')
    })

    test('says so when it is to be of another kind', async () => {
      const { lives, nodes, endAll } = await networkOf(1, { POLYCHORD_OVERLAY: 'pastry' })
      await endAll()
      const { exit, output } = await startProcess({ ...lives[0], POLYCHORD_OVERLAY: 'chord' })
      expect(await exit).toBe(2)
      expect(output()).toContain('POLYCHORD_OVERLAY is chord, but the network of the data in ')
      expect(nodes).toHaveLength(1)
    })

    test.each([
      '',
      '{"settings":{},"contacts":7}',
      '{"settings":{"network":"0123456789abcdef"},"contacts":[{"id":"7f","url":"nowhere"}]}',
    ])('goes on when what it knew cannot be read: %j', async (text) => {
      const { lives, endAll } = await networkOf(1, {})
      await endAll()
      writeFileSync(join(lives[0]?.['POLYCHORD_DATA'] ?? '', 'network.json'), text)
      const { url } = await startReady(lives[0])
      expect(await statusOf(`${url}/readyz`)).toBe(200)
    })
  })

  test.each([
    [0o644, true],
    [0o600, false],
  ])('with a secret in a file of mode %o warns whoever left it open: %s', async (mode, warns) => {
    const file = join(freshFolder(), 'secret')
    writeFileSync(file, 'a-secret-of-a-network')
    chmodSync(file, mode)
    const { output } = await startReady({ POLYCHORD_SECRET_FILE: file })
    expect(output().includes(`${file} can be read by others on this machine: chmod 600 it`)).toBe(warns)
    expect(output()).not.toContain('a-secret-of-a-network')
  })

  test('without a directory for its content says that it is in memory only', async () => {
    const { output } = await startReady()
    expect(output()).toContain('content is kept in memory only: POLYCHORD_DATA names no directory')
  })

  test('writes its log to a file, one JSON value a line', async () => {
    const file = join(freshFolder(), 'logs', 'node.log')
    const { output } = await startReady({ POLYCHORD_LOG: file, POLYCHORD_LOG_LEVEL: 'debug' })
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toContain('node listens')
    expect(output()).toBe('')
  })

  test.skipIf(!existsSync('/dev/full'))('goes on where there is no room for its log', async () => {
    const { url } = await startReady({ POLYCHORD_LOG: '/dev/full', POLYCHORD_LOG_LEVEL: 'debug' })
    for (let n = 0; n < 3; n++) expect(await statusOf(`${url}/readyz`)).toBe(200)
  })

  test.each(['node', 'task'])('%s: its bundle comes with a code cache that V8 takes', (name) => {
    const words = `process.argv.splice(1, 1, 'task', 'help'); const { script } = require(${JSON.stringify(start)}).run(${JSON.stringify(name)});
      require('node:fs').writeSync(2, String(script.cachedDataRejected)); process.exit()`
    const env = { PATH: process.env.PATH }
    expect(spawnSync(process.execPath, ['-e', words], { encoding: 'utf8', env }).stderr).toMatch(/^false/)
  })

  test('compiles its bundle when there is no code cache of it', async () => {
    const folder = mkdtempSync(join(dirname(dirname(start)), '.polychord/uncached-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    for (const file of ['start.cjs', 'node.cjs']) copyFileSync(join(dirname(start), file), join(folder, file))
    const { url } = await startReady({}, join(folder, 'start.cjs'))
    expect(await statusOf(`${url}/readyz`)).toBe(200)
  })
})

test('a node in whose channel are a million calls, and thousands of frames behind them, serves others', async () => {
  const { url } = await startReady()
  const asker = await openChannel(Number(new URL(url).port))
  asker.connection.socket.pause()
  const calls = asker.pack(`[${',[1,0]'.repeat(1_000_000).slice(1)}]`)
  asker.connection.say(Buffer.concat([calls, ...Array.from({ length: 10_000 }, () => asker.pack([]))]))
  const isServing = () => statusOf(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) })
  // It has them once it has answered some.
  await eventually(
    () => asker.connection.socket.readableLength,
    (bytes) => bytes > 0,
  )
  await eventually(isServing, (status) => status === 200)
})

describe('a node that cannot start', () => {
  test('because of its configuration exits with 2 and one sentence', async () => {
    const { exit, output, messages } = await startProcess({ POLYCHORD_BITS: '9' })
    expect(await exit).toBe(2)
    expect(output()).toMatch(/^polychord: POLYCHORD_BITS must be a multiple of 4.*\n$/)
    expect(messages).toMatchObject([{ failed: { code: 'BAD_CONFIG' } }])
  })

  test.skipIf(!existsSync('/dev/full'))('exits with 1 also where there is no room to log why', async () => {
    const { exit, messages } = await startProcess({ POLYCHORD_LOG: '/dev/full', POLYCHORD_PORT: await takenPort() })
    expect(await exit).toBe(1)
    expect(messages).toMatchObject([{ failed: { code: 'EADDRINUSE' } }])
  })

  test('because its port is taken names it, and the way out', async () => {
    const taken = await takenPort()
    const { exit, messages } = await startProcess({ POLYCHORD_PORT: taken })
    expect(await exit).toBe(1)
    const message = `another program has port ${taken} of 127.0.0.1: end that, or take another port: POLYCHORD_PORT=${Number(taken) + 1}`
    expect(messages).toMatchObject([{ failed: { message } }])
  })

  test.each(['.', 'package.json/node.log', '/proc/x/y'])(
    'because its log is no file exits with 2, and says so: %s',
    async (file) => {
      const { exit, output } = await startProcess({ POLYCHORD_LOG: file })
      expect(await exit).toBe(2)
      expect(output()).toMatch(/^polychord: POLYCHORD_LOG=\S+ cannot be written \(.*\): name a file of yours\n$/)
    },
  )

  test('because it contradicts its network exits with 2 and says how', async () => {
    const { url } = await startReady({ POLYCHORD_BITS: '16' })
    const { exit, output } = await startProcess({ POLYCHORD_BITS: '8', POLYCHORD_SEEDS: url })
    expect(await exit).toBe(2)
    expect(output()).toBe(`polychord: POLYCHORD_BITS is 8, but the network of ${url} has 16: leave it out\n`)
  })

  test('because its data is that of another node exits with 2, and says so', async () => {
    const env = { POLYCHORD_DATA: freshFolder() }
    const { url, child, exit: ended } = await startReady(env)
    const { id } = await infoOf(url)
    child.kill('SIGTERM')
    await ended
    const { exit, output, messages } = await startProcess(env)
    expect(await exit).toBe(2)
    expect(output()).toMatch(
      new RegExp(`^polychord: POLYCHORD_DATA=\\S+ has data of node ${String(id)}, and this node is .*\n$`),
    )
    expect(messages).toMatchObject([{ failed: { code: 'BAD_CONFIG' } }])
  })

  test.each<[string, () => Promise<Record<string, string>>, string]>([
    ['its port is taken', async () => ({ POLYCHORD_PORT: await takenPort() }), 'EADDRINUSE'],
    ['none of its seeds answers', async () => ({ POLYCHORD_SEEDS: `http://127.0.0.1:${await freePort()}` }), 'NO_ROUTE'],
    ['its seed is no node', async () => ({ POLYCHORD_SEEDS: `http://127.0.0.1:${await takenPort()}` }), 'NO_ROUTE'],
    [
      'its seed is in another network',
      async () => ({ POLYCHORD_NETWORK: 'f'.repeat(16), POLYCHORD_SEEDS: (await startReady()).url }),
      'OTHER_NETWORK',
    ],
    [
      'its id is taken',
      async () => {
        const ids = { POLYCHORD_ALLOW_CUSTOM_IDS: 'true', POLYCHORD_ID: '7f', POLYCHORD_BITS: '8' }
        const { url } = await startReady(ids)
        return { ...ids, POLYCHORD_SEEDS: url }
      },
      'ID_TAKEN',
    ],
    [
      'its id is taken by another than its seed',
      async () => {
        const ids = { POLYCHORD_ALLOW_CUSTOM_IDS: 'true', POLYCHORD_ID: '7f', POLYCHORD_BITS: '8' }
        const { url } = await startReady({ ...ids, POLYCHORD_ID: '01' })
        await startReady({ ...ids, POLYCHORD_SEEDS: url })
        return { ...ids, POLYCHORD_SEEDS: url }
      },
      'ID_TAKEN',
    ],
  ])('because %s exits with 1, and says so in its log and to its starter', async (_why, env, code) => {
    const { exit, output, messages } = await startProcess(await env())
    expect(await exit).toBe(1)
    expect(messages).toMatchObject([{ failed: { code } }])
    const last = JSON.parse(output().trim().split('\n').at(-1) ?? '') as Record<string, unknown>
    expect(last).toMatchObject({ level: 60, why: messages[0]?.failed?.message })
  })
})

describe('a node that ends', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('by %s does so with 0', async (signal) => {
    const { child, exit, output } = await startReady()
    child.kill(signal)
    expect(await exit).toBe(0)
    expect(output()).toContain('"msg":"stopped"')
  })

  test('by SIGTERM is forgotten by its neighbours', async () => {
    const first = await startReady()
    const second = await startReady({ POLYCHORD_SEEDS: first.url })
    second.child.kill('SIGTERM')
    expect(await second.exit).toBe(0)
    await eventually(
      () => infoOf(first.url),
      ({ successor }) => (successor as { url: string }).url === first.url,
    )
  })

  test('by POST /leave hands its content over, notes that, and exits with 0', async () => {
    const first = await startReady()
    const data = freshFolder()
    const second = await startReady({ POLYCHORD_SEEDS: first.url, POLYCHORD_DATA: data })
    for (let n = 0; n < 20; n++)
      await statusOf(`${first.url}/store`, { method: 'POST', body: new URLSearchParams({ value: `value ${n}` }) })
    await eventually(
      async () => recall(data),
      (known) => known !== undefined,
    )
    expect(recall(data)?.left).toBeUndefined()
    expect(await statusOf(`${second.url}/leave`, { method: 'POST' })).toBe(202)
    expect(await second.exit).toBe(0)
    expect(recall(data)?.left).toBe(true)
    await eventually(
      () => infoOf(first.url),
      ({ content }) => (content as { owned: number }).owned === 20,
    )
  })

  test('when its starter dies before it has joined', async () => {
    const silent = createServer()
    const port = await freePort()
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const { child, exit } = await startProcess({ POLYCHORD_SEEDS: `http://127.0.0.1:${port}` })
    child.disconnect()
    expect(await exit).toBe(1)
  })
})
