/** What tasks do when a network has changed behind their back: a node that was asked to leave by others, a state file that is another. */
import { spawn, spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { isAlive } from '../../tasks/processes.ts'
import { statusOf } from '../service/live.ts'
import { Home } from './home.ts'
import { portsInARow } from '../ports.ts'

const firstPort = portsInARow(20)

const home = new Home()
afterAll(() => home.remove())

interface Status {
  readonly nodes: readonly { readonly name: string; readonly url: string; readonly condition: string }[]
}

test('who left at the request of others is no dead node; and nothing is removed from under a node that is not recorded', async () => {
  await home.said(`boot 3 port=${firstPort}`)
  const [leaver, ...others] = home.state.processes
  if (!leaver) throw new Error('nobody was booted')
  expect(await statusOf(`${leaver.url}/leave`, { method: 'POST' })).toBe(202)
  let nodes: Status['nodes'] = []
  for (const deadline = Date.now() + 30_000; Date.now() < deadline && nodes.length !== 2; await sleep(250))
    nodes = (await home.json<Status>('status')).nodes
  expect(nodes.map(({ name, condition }) => `${name} ${condition}`).sort()).toEqual(
    others.map(({ name }) => `${name} running`).sort(),
  )

  const { stateText = '' } = home
  home.write('{ "version": 2, "network": null, "processes": [] }')
  const refused = await home.task('killall')
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.stderr).toContain('nothing was done')
  // Began beside them, and left them to run unseen.
  expect(await home.task(`boot 1 port=${firstPort + 10}`)).toMatchObject({ code: 1, stdout: '', stderr: refused.stderr })
  // As file managers leave them.
  writeFileSync(`${home.path}/.polychord/data/.DS_Store`, '')
  for (const { pid } of others) expect(refused.stderr).toContain(`process ${pid} in .polychord/data/`)
  // Nor is the one ended that is recorded.
  const [recorded, forgotten] = others
  home.write(JSON.stringify({ ...JSON.parse(stateText), processes: [recorded] }))
  expect((await home.task('killall')).stderr).toContain(`process ${forgotten?.pid} in .polychord/data/`)
  home.write(stateText)
  expect((await home.json<Status>('status')).nodes.map(({ condition }) => condition)).toEqual(['running', 'running'])
  await home.said('killall')
})

// Failed over the first folder, and named it and nothing that would help.
test('a network is not booted over the data of one that is not recorded', async () => {
  await home.said(`boot 1 port=${firstPort}`)
  const { stateText = '' } = home
  const pid = home.state.processes[0]?.pid ?? NaN
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => isAlive(pid)).toBe(false)
  rmSync(home.stateFile)
  const refused = await home.task(`boot 1 port=${firstPort}`)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(/data is here of 1 node .*restart all.*killall/)
  home.write(stateText)
  await home.said('restart all')
  await home.said('killall')
  await home.said(`boot 1 port=${firstPort}`)
  await home.said('killall')
})

/** In a task's environment: its writes of the state find no room as long as the data of the network is there. */
const fullDisk = (): NodeJS.ProcessEnv => {
  const script = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const { open } = fs
    fs.open = (path, ...rest) =>
      String(path).includes('network-state.json.') && fs.existsSync('${home.path}/.polychord/data')
        ? rest.at(-1)(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'open' }))
        : open(path, ...rest)
    syncBuiltinESMExports()`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` }
}

// There was no end to it before somebody had made room.
test('a network that has filled the disk is ended, which makes room', async () => {
  await home.said(`boot 1 port=${firstPort}`)
  expect(await home.task('add', () => {}, fullDisk())).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('ENOSPC'),
  })
  expect(await home.task('killall', () => {}, fullDisk())).toMatchObject({ code: 0 })
  expect(home.state.processes).toEqual([])
})

test('what was begun is done though nobody reads what is said of it', async () => {
  const unread = await home.task(`boot 3 port=${firstPort}`, ({ stdout }) => stdout?.once('data', () => stdout.destroy()))
  expect(unread).toMatchObject({ code: 0, stderr: '' })
  expect((await home.json<Status>('status')).nodes.map(({ condition }) => condition)).toEqual(['running', 'running', 'running'])
  const seen = await home.task('monitor 1', ({ stdout }) => stdout?.once('data', () => stdout.destroy()))
  expect(seen).toMatchObject({ code: 0, stderr: '' })
})

test('where what is printed has no room the task says so, is done all the same, and fails', () => {
  const { status, stderr } = spawnSync('sh', ['-c', `'${process.execPath}' tasks/task.mjs status > /dev/full`], {
    env: { ...process.env, POLYCHORD_HOME: home.path },
    encoding: 'utf8',
  })
  expect(status).toBe(1)
  expect(stderr).toBe('polychord: what this task prints cannot be written (ENOSPC: no space left on device, write)\n')
})

test('a network whose state has options that no node takes is ended all the same', async () => {
  const { state } = home
  if (state.network === null) throw new Error('the network is gone')
  home.write({ ...state, network: { ...state.network, options: { ...state.network.options, overlay: 'ring' } } })
  for (const words of ['status', 'reboot'])
    expect(await home.task(words)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/has options that no node takes: overlay.*npm run task killall/),
    })
  expect(state.processes.every(({ pid }) => pid !== null && isAlive(pid))).toBe(true)
  await home.said('killall')
  expect(state.processes.filter(({ pid }) => pid !== null && isAlive(pid))).toEqual([])
})

/** Puts a folder in the place of the state as soon as that records a node whose process it does not know yet. */
const spoil = (file: string) => `
  const { mkdirSync, readFileSync, renameSync } = require('node:fs')
  mkdirSync('${file}.spoilt')
  for (let text = ''; !text.includes('"pid": null'); ) try { text = readFileSync('${file}', 'utf8') } catch {}
  renameSync('${file}', '${file}.lost')
  renameSync('${file}.spoilt', '${file}')`

test('a node that cannot be recorded is not waited for, and does not live on', async () => {
  const spoiler = spawn(process.execPath, ['-e', spoil(home.stateFile)], { stdio: 'ignore' })
  try {
    let failed = await home.task('killall')
    // Whoever looks may look too late.
    for (let tries = 0; failed.code === 0 && tries < 5; tries++) {
      failed = await home.task(`boot 1 port=${firstPort}`)
      if (failed.code === 0) await home.task('killall')
    }
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining(home.stateFile) })
  } finally {
    spoiler.kill('SIGKILL')
    for (const name of ['', '.spoilt', '.lost']) rmSync(home.stateFile + name, { recursive: true, force: true })
  }
  // It would tell of processes in the folders that it removes.
  expect(await home.task('killall')).toMatchObject({ code: 0, stderr: '' })
})
