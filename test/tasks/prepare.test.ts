/** tasks/prepare.mjs in a project of its own, whose npm and whose build only write down that they ran. */
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const steps = (name: string, folder: string) => `
  import { appendFileSync, mkdirSync } from 'node:fs'
  appendFileSync('ran.txt', '${name}\\n')
  console.log('words of ${name}')
  mkdirSync('${folder}', { recursive: true })
`
const pidOfNobody = 2 ** 22 + 1

let project: string
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'polychord-prepare-'))
  mkdirSync(join(project, 'tasks'))
  mkdirSync(join(project, 'src'))
  cpSync(new URL('../../tasks/prepare.mjs', import.meta.url), join(project, 'tasks/prepare.mjs'))
  write('tasks/build.mjs', steps('build', 'dist'))
  write('npm-cli.js', steps('install', 'node_modules'))
  write('package.json', '{"type":"module"}')
  write('package-lock.json', '{}')
  write('src/node.ts', 'one')
})
afterEach(() => rmSync(project, { recursive: true, force: true }))

const write = (path: string, text: string): void => writeFileSync(join(project, path), text)
const ran = (): string => {
  const path = join(project, 'ran.txt')
  const words = existsSync(path) ? readFileSync(path, 'utf8') : ''
  rmSync(path, { force: true })
  return words.trim().split('\n').join(' ')
}

interface End {
  status: number | null
  stdout: string
  stderr: string
}
const prepare = (given: NodeJS.ProcessEnv = {}): Promise<End> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, npm_execpath: join(project, 'npm-cli.js'), ...given }
    const child = spawn(process.execPath, [join(project, 'tasks/prepare.mjs')], { env })
    const end: End = { status: null, stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => (end.stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (end.stderr += String(chunk)))
    child.on('error', reject).on('close', (status) => resolve({ ...end, status }))
  })

test('a fresh clone is installed and built once, and nothing of it is said on stdout', async () => {
  const { status, stdout, stderr } = await prepare()
  expect({ status, stdout, ran: ran() }).toEqual({ status: 0, stdout: '', ran: 'install build' })
  expect(stderr).toContain('polychord: building…\nwords of build')
  expect(await prepare()).toEqual({ status: 0, stdout: '', stderr: '' })
  expect(ran()).toBe('')
})

test('npm installs, whoever runs it: yarn and pnpm were asked for an `npm ci`', async () => {
  mkdirSync(join(project, 'bin'))
  write('bin/npm', `#!/bin/sh\nexec '${process.execPath}' '${join(project, 'npm-cli.js')}'`)
  chmodSync(join(project, 'bin/npm'), 0o700)
  write('yarn.js', steps('yarn', 'node_modules'))
  const given = { npm_execpath: join(project, 'yarn.js'), PATH: `${join(project, 'bin')}:${process.env['PATH']}` }
  expect((await prepare(given)).status).toBe(0)
  expect(ran()).toBe('install build')
})

test('contents decide what is stale, times do not', async () => {
  await prepare()
  ran()
  utimesSync(join(project, 'src/node.ts'), 1, 1)
  await prepare()
  expect(ran()).toBe('')
  write('src/node.ts', 'two')
  await prepare()
  expect(ran()).toBe('build')
  write('package-lock.json', '{ }')
  await prepare()
  expect(ran()).toBe('install build')
})

test('an install that was cut short is repeated', async () => {
  await prepare()
  ran()
  rmSync(join(project, 'node_modules'), { recursive: true })
  await prepare()
  expect(ran()).toBe('install')
})

test('of several at once one does the work, and the others wait for it', async () => {
  const ends = await Promise.all([prepare(), prepare(), prepare()])
  expect(ends.map(({ status }) => status)).toEqual([0, 0, 0])
  expect(ran()).toBe('install build')
})

test('a lock whose holder died is taken over, and given back', async () => {
  mkdirSync(join(project, '.polychord'))
  write('.polychord/prepare.lock', String(pidOfNobody))
  expect((await prepare()).status).toBe(0)
  expect(ran()).toBe('install build')
  expect(readdirSync(join(project, '.polychord'))).toEqual([])
})

test('of several that find a lock whose holder died one takes it over: two did, and worked at the same time', async () => {
  mkdirSync(join(project, '.polychord'))
  write('.polychord/prepare.lock', String(pidOfNobody))
  const ends = await Promise.all(Array.from({ length: 6 }, () => prepare()))
  expect(ends.map(({ status }) => status)).toEqual([0, 0, 0, 0, 0, 0])
  expect(ran()).toBe('install build')
})

test('a lock that names oneself is one of a former life: nothing ended that wait', () => {
  mkdirSync(join(project, '.polychord'))
  const env = { ...process.env, npm_execpath: join(project, 'npm-cli.js') }
  const words = `echo $$ > .polychord/prepare.lock; exec '${process.execPath}' tasks/prepare.mjs`
  const { status } = spawnSync('sh', ['-c', words], { cwd: project, env, timeout: 10_000 })
  expect({ status, ran: ran() }).toEqual({ status: 0, ran: 'install build' })
})

test('a lock that names nobody, its writing cut off, is taken over and told of: nothing ended that wait', async () => {
  mkdirSync(join(project, '.polychord'))
  write('.polychord/prepare.lock', '')
  const { status, stderr } = await prepare()
  expect({ status, ran: ran() }).toEqual({ status: 0, ran: 'install build' })
  expect(stderr).toMatch(/^polychord: taking over \S+prepare\.lock, which names nobody\n/)
})

test('a step that fails says how to try it alone, and is tried again the next time', async () => {
  write('tasks/build.mjs', 'process.exit(3)')
  const { status, stderr } = await prepare()
  expect(status).toBe(1)
  expect(stderr).toContain('polychord: building failed; what is above says why. To try it alone: node tasks/build.mjs')
  write('tasks/build.mjs', steps('build', 'dist'))
  ran()
  expect((await prepare()).status).toBe(0)
  expect(ran()).toBe('build')
})

test('a clone that cannot be written is told of in a sentence', async () => {
  write('.polychord', 'in the way of the lock')
  const { status, stderr } = await prepare()
  expect(status).toBe(1)
  expect(stderr).toMatch(
    /^polychord: installing dependencies is due, and this clone cannot be written \(E\w+: .*\): give it.*\n$/,
  )
})
