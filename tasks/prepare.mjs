/**
 * Brings node_modules and dist up to date, as a side effect of being imported.
 *
 * Up to date means that a stamp holds the hash of what the step was made from: contents, never times of modification,
 * because a checkout, a copy or an image layer changes those. The hash is taken before its step runs, so that an edit
 * during a build leaves the build stale; npm ci deletes its stamp together with node_modules, so that an interrupted
 * install stays stale. Needs nothing but Node; says nothing on stdout, which belongs to the program that follows.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const at = (path) => root + path
const lock = at('.polychord/prepare.lock')
const lockPollMs = 100
/** A lock is written as soon as it is made: one that is seen without a holder so often was cut off in between. */
const namelessPolls = 20

// Output that nobody reads any more (`| head`) ends the program without a stack.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE' && stream === process.stdout) process.stderr.write(`polychord: ${error.message}\n`)
    process.exit(error.code === 'EPIPE' ? 0 : 1)
  })

const orUndefined = (action, expected) => {
  try {
    return action()
  } catch (error) {
    if (!expected.includes(error.code)) throw error
    return undefined
  }
}
const read = (path) => orUndefined(() => readFileSync(path), ['ENOENT', 'ENOTDIR'])

const filesUnder = (folder) =>
  readdirSync(at(folder), { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]))
    .sort()

const hash = (paths) => {
  const sum = createHash('sha256').update(`${process.version} ${process.platform} ${process.arch}`)
  for (const path of paths) {
    const content = read(at(path))
    sum.update(`\n${path} ${content?.length}\n`).update(content ?? '')
  }
  return sum.digest('hex')
}

const packages = ['package-lock.json']
/** Yarn and pnpm name themselves there. */
const { npm_execpath: caller } = process.env
const npm = caller && basename(caller) === 'npm-cli.js' ? [process.execPath, caller] : ['npm']
const steps = [
  {
    what: 'installing dependencies',
    stamp: 'node_modules/.installed',
    inputs: () => packages,
    // Also where npm's own settings say to omit devDependencies: the build needs them. No package of ours needs its scripts.
    command: [...npm, 'ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'],
    retry: 'npm ci --include=dev --ignore-scripts',
  },
  {
    what: 'building',
    stamp: 'dist/.built',
    inputs: () => [...packages, 'package.json', 'tsconfig.json', ...filesUnder('src'), ...filesUnder('tasks')],
    command: [process.execPath, 'tasks/build.mjs'],
    retry: 'node tasks/build.mjs',
  },
]

const stale = () => steps.filter((step) => String(read(at(step.stamp))) !== hash(step.inputs()))

const say = (text) => process.stderr.write(`polychord: ${text}\n`)

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    if (error.code === 'ESRCH') return false
    if (error.code === 'EPERM') return true
    throw error
  }
}

const pause = (ms) => new Promise((resume) => setTimeout(resume, ms))

/** Whoever held it has ended: it names us only where our number was someone else's before. */
const isOver = (holder) => holder === process.pid || !isAlive(holder)

/**
 * Puts our name in the place of one who has ended. Others may do so at the same moment: the last of them has the lock.
 * @returns whether that is us
 */
const takeOver = async () => {
  const own = `${lock}.${process.pid}`
  writeFileSync(own, String(process.pid))
  renameSync(own, lock)
  await pause(2 * lockPollMs)
  return Number(read(lock)) === process.pid
}

const acquire = async () => {
  mkdirSync(at('.polychord'), { recursive: true })
  const create = () => {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  }
  let told = false
  let nameless = 0
  while (!orUndefined(create, ['EEXIST'])) {
    const holder = Number(read(lock))
    nameless = holder > 0 ? 0 : nameless + 1
    if (holder > 0 ? isOver(holder) : nameless > namelessPolls) {
      if (nameless > 0) say(`taking over ${lock}, which names nobody`)
      if (await takeOver()) return
      continue
    }
    if (!told && holder > 0) {
      say(`waiting for process ${holder}, which is preparing… (if it is not: rm ${lock})`)
      told = true
    }
    await pause(lockPollMs)
  }
}

if (stale().length > 0) {
  try {
    await acquire()
  } catch (error) {
    if (error.syscall === undefined) throw error
    say(
      `${stale()[0].what} is due, and this clone cannot be written (${error.message}): give it to yourself, or prepare it as its owner`,
    )
    process.exit(1)
  }
  try {
    // Asked again under the lock: those who waited find the work done.
    for (const step of stale()) {
      const wanted = hash(step.inputs())
      say(`${step.what}…`)
      const [program, ...words] = step.command
      const { status, signal, error } = spawnSync(program, words, { cwd: root, stdio: ['ignore', 2, 2] })
      if (status !== 0) {
        say(`${step.what} failed${error ? ` (${error.message})` : ''}; what is above says why. To try it alone: ${step.retry}`)
        rmSync(lock, { force: true })
        process.exit(signal === 'SIGINT' ? 130 : 1)
      }
      writeFileSync(at(step.stamp), wanted)
    }
  } finally {
    rmSync(lock, { force: true })
  }
}
