/** A network with a secret, typed task by task, with real processes. */
import type { ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync, mkdirSync, rmdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type { NodeInfo, Written } from '../../src/protocol/client-api.ts'
import { isAlive } from '../../tasks/processes.ts'
import { emptyState, type Entry, printState } from '../../tasks/state.ts'
import { Home, quick, type Status, until } from './home.ts'
import { portsInARow } from '../ports.ts'

const firstPort = portsInARow(20)
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

const home = new Home()
beforeAll(() => import('../../tasks/prepare.mjs' as string))
afterAll(() => home.remove())

const secretFile = `${home.path}/.polychord/secret`
const urls = () => home.state.processes.map(({ url }) => url)
const secrets: string[] = []
/** Remembers the secret of the moment. */
const noteSecret = (): void => {
  const lines = readFileSync(secretFile, 'utf8').trimEnd().split('\n')
  expect(lines).toHaveLength(1)
  secrets.push(...lines)
}

/** For a task that takes its pipe for a terminal. */
const inTerminal = { TERM: 'xterm', NODE_OPTIONS: '--import=data:text/javascript,process.stdout.isTTY=true' }

const everythingWritten = async (): Promise<string> => {
  const logs = `${home.path}/.polychord/logs`
  const commandLines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`))
    .flatMap((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8')
      } catch {
        return [] // It has ended meanwhile.
      }
    })
  const pages = ['/', '/nodeinfo', '/members', '/metrics', '/openapi.json', '/db']
  const answers = urls().flatMap((url) =>
    pages.map(async (path) => {
      const { statusCode, body } = await request(url + path)
      expect(statusCode).toBe(200)
      return body.text()
    }),
  )
  const logged = readdirSync(logs).map((name) => readFileSync(`${logs}/${name}`, 'utf8'))
  return [home.stateText, ...logged, ...commandLines, ...(await Promise.all(answers))].join('\n')
}

test('boot secret=on makes a secret that only its owner can read', async () => {
  expect(await home.said(`boot 3 port=${firstPort} secret=on ${quick}`)).toContain('3 nodes · 0 values · ring whole')
  expect(statSync(secretFile).mode & 0o777).toBe(0o600)
  noteSecret()
})

test('a stranger cannot make a node leave, the tasks can call what is signed, and reads are open', async () => {
  const [url = ''] = urls()
  const stranger = await request(`${url}/leave`, { method: 'POST' })
  expect([stranger.statusCode, ((await stranger.body.json()) as { error: string }).error]).toEqual([401, 'UNAUTHORIZED'])
  const port = new URL(url).port
  const fetched = await home.said(`call ${port} POST /fetch {"cursors":[]}`)
  expect(fetched).toContain('"records": []')
  expect(((await (await request(`${url}/nodeinfo`)).body.json()) as NodeInfo).state).toBe('ready')
})

test('the secret is changed while a client writes, and no write fails', async () => {
  const stop = new AbortController()
  const answers: { status: number; written: Written }[] = []
  const write = async () => {
    const entries = urls()
    for (let count = 0; !stop.signal.aborted; count++) {
      const { statusCode, body } = await request(`${entries[count % entries.length]}/store`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ value: `value ${count}` }),
      })
      answers.push({ status: statusCode, written: (await body.json()) as Written })
      await sleep(5)
    }
  }
  const writing = write()
  const rotated = await home.task('rotate')
  const again = await home.task('rotate', undefined, inTerminal)
  stop.abort()
  await writing
  expect([rotated.code, again.code]).toEqual([0, 0])
  expect(rotated.stdout).toContain('3 nodes follow another secret; the one before is worth nothing now')
  // Each step may take half a minute.
  expect(again.stdout).toMatch(/1 of 3 · every node is to accept[^]*2 of 3 · [^]*3 of 3 · [^]*3 nodes follow/)
  noteSecret()
  expect(secrets[0]).not.toBe(secrets[1])
  expect(answers.length).toBeGreaterThan(50)
  expect(answers.filter(({ status, written }) => status !== 201 || written.stored !== 3)).toEqual([])
})

test('who comes after a rotation knows the new secret, and who leaves is asked with it', async () => {
  expect(await home.said('add')).toContain('4 nodes')
  const [, second = ''] = urls()
  expect(await home.said(`restart ${new URL(second).port}`)).toContain('is back with its data')
  const left = await home.said(`leave ${new URL(second).port}`)
  expect(left).toMatch(/left; .* moved on/)
  await home.said('check 20')
})

test('no secret is in a log, an answer, the state or a command line', async () => {
  const text = await everythingWritten()
  expect(text).toContain('ring')
  expect(secrets).toHaveLength(2)
  for (const secret of secrets) expect(text.includes(secret)).toBe(false)
  expect(home.state.network?.secret).toBe(true)
})

test('a file that holds no secret any more is told of, with the way out', async () => {
  const text = readFileSync(secretFile, 'utf8')
  onTestFinished(() => writeFileSync(secretFile, text))
  for (const wrong of ['short\n', '']) {
    writeFileSync(secretFile, wrong)
    const port = new URL(urls()[0] ?? '').port
    for (const task of ['rotate', 'add', 'addmany 2', `tags ${port} zone=a`, `restart ${port}`])
      expect(await home.task(task)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /is of no use: it holds (no secret|a secret that is too short).*; restore it, or begin anew/,
        ),
      })
  }
  writeFileSync(secretFile, text)
  await home.said('check 20')
})

test('who rotates beside another that does, or was killed at it, is told so', async () => {
  mkdirSync(`${secretFile}.lock`)
  onTestFinished(() => rmdirSync(`${secretFile}.lock`))
  expect(await home.task('rotate')).toMatchObject({ code: 1, stderr: expect.stringContaining('or has just been killed at it') })
})

test('a rotation of which a stopped node would not hear is not begun', async () => {
  const [{ name, pid }] = home.state.processes as [Entry]
  const before = readFileSync(secretFile, 'utf8')
  process.kill(pid ?? 0, 'SIGSTOP')
  onTestFinished(() => void process.kill(pid ?? 0, 'SIGCONT'))
  expect(await home.task('rotate')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`${name} would not hear of another secret: wake what is stopped (kill -CONT ${pid})`),
  })
  expect(readFileSync(secretFile, 'utf8')).toBe(before)
})

test('a network without one has nothing to rotate; killall takes the secret with it', async () => {
  await home.said('killall')
  expect(existsSync(secretFile)).toBe(false)
  expect(home.stateText).toBe(printState(emptyState))
  await home.task(`boot 1 port=${firstPort} ${quick}`)
  expect((await home.task('rotate')).stderr).toContain(
    'this network has no secret; for one with: npm run task reboot secret=on',
  )
  expect((await home.task('boot secret=hunter2')).stderr).toContain('secret is on or off')
})

/** Between its steps a rotation waits for as long as calls may be under way: whoever comes between is to be there by then. */
const unhurried = 'callTimeoutMs=5000'

/** A rotation in which the nodes are to take another secret by now. */
const rotating = async () => {
  const before = readFileSync(secretFile, 'utf8')
  let child: ChildProcess | undefined
  const ended = home.task('rotate', (it) => {
    child = it
  })
  await until(
    'the nodes are to take another secret',
    async () => readFileSync(secretFile, 'utf8'),
    (text) => text !== before,
  )
  return { child, ended }
}

// Its lock stayed behind, and the command that it names was refused for seconds.
test('who interrupts a rotation finishes it at once by the command that it names', async () => {
  await home.task('killall')
  await home.said(`boot 2 port=${firstPort} secret=on ${quick} ${unhurried}`)
  const { child, ended } = await rotating()
  child?.kill('SIGINT')
  expect(await ended).toMatchObject({ code: 130, stderr: expect.stringContaining('finish it: npm run task rotate') })
  expect(existsSync(`${secretFile}.lock`)).toBe(false)
  await home.said('rotate')
  await home.said('killall')
})

// Went on in the next network: stopped its nodes where it has no secret, and changed its secret where it has one.
test.each(['', 'secret=on'])('a rotation whose network was ended leaves the next one alone: boot 2 %s', async (secret) => {
  await home.task('killall')
  await home.said(`boot 2 port=${firstPort} secret=on ${quick} ${unhurried}`)
  const [one, other] = home.state.processes as [Entry, Entry]
  const { child, ended } = await rotating()
  // It waits for this one as long as that lives, and is not to see that there is no network for a moment.
  process.kill(Number(one.pid), 'SIGSTOP')
  child?.kill('SIGSTOP')
  const ending = home.said('killall')
  await until(
    'the other one ends',
    async () => isAlive(Number(other.pid)),
    (lives) => !lives,
  )
  process.kill(Number(one.pid), 'SIGCONT')
  await ending
  await home.said(`boot 2 port=${firstPort} ${secret} ${quick}`)
  child?.kill('SIGCONT')
  const chosen = existsSync(secretFile) ? readFileSync(secretFile, 'utf8') : undefined
  expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining('the network was ended meanwhile') })
  expect(existsSync(secretFile) ? readFileSync(secretFile, 'utf8') : undefined).toBe(chosen)
  const { nodes } = await home.json<Status>('status')
  expect(nodes.map(({ condition }) => condition)).toEqual(['running', 'running'])
})
