/**
 * Builds dist/: the node and the tasks as one file each, how to start them, and V8's code cache of each.
 *
 * dist/ is made anew beside the old one and takes its place at the end: a bundle and the cache of another one never meet,
 * and nobody finds half a build.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const fresh = `${root}dist.${process.pid}`
const entries = { node: 'src/service/main.ts', task: 'tasks/cli.ts' }
/** How long each may take, the first time, uncached, on a busy machine. */
const warmUpMs = 60_000

/** What builds that were killed have left; one at a time prepares. */
const removeRests = () => {
  for (const name of readdirSync(root)) if (/^dist\.\d+/.test(name)) rmSync(root + name, { recursive: true, force: true })
}

const build = async () => {
  removeRests()
  try {
    mkdirSync(fresh, { recursive: true })
    for (const [name, input] of Object.entries(entries)) if (existsSync(root + input)) await bundle(name, input)
    copyFileSync(`${root}tasks/start.cjs`, `${fresh}/start.cjs`)
    for (const name of Object.keys(entries)) if (existsSync(`${fresh}/${name}.cjs`)) warmUp(name)
    rmSync(`${fresh}.old`, { recursive: true, force: true })
    if (existsSync(`${root}dist`)) renameSync(`${root}dist`, `${fresh}.old`)
    renameSync(fresh, `${root}dist`)
  } finally {
    for (const path of [fresh, `${fresh}.old`]) rmSync(path, { recursive: true, force: true })
  }
}

const bundle = async (name, input) => {
  const file = `${fresh}/${name}.cjs`
  // swagger-ui finds its pages beside its own file, and lmdb what was compiled for this machine.
  const made = await rolldown({ cwd: root, input, platform: 'node', external: ['@fastify/swagger-ui', 'lmdb'] })
  await made.write({
    file,
    format: 'cjs',
    codeSplitting: false,
    sourcemap: true,
    // A script that comes out of a code cache cannot import(); it can require.
    dynamicImportInCjs: false,
    // Lines stay lines: an uncaught error prints the whole one it was in.
    minify: { compress: true, mangle: true, codegen: { removeWhitespace: false } },
  })
  await made.close()
  // One character beyond ASCII would make the source two bytes a character in memory.
  const escape = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[^\0-\x7f]/g, escape))
}

/** Has another process run it and write the cache: V8 takes one only under the flags that it was made with. */
const warmUp = (name) => {
  const { NODE_OPTIONS: _flags, ...env } = process.env
  const { status, error, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name, fresh], {
    env: Object.fromEntries(Object.entries(env).filter(([name]) => !/^(POLYCHORD|npm)_/.test(name))),
    // A node logs on stdout why it does not start.
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: warmUpMs,
  })
  if (status === 0) return
  process.stderr.write(stdout ?? '')
  throw new Error(`the ${name} that was built does not start${error ? ` (${error.message})` : ''}; what is above says why`)
}

/** What a run has compiled. It keeps the name of its script. */
const run = (name, folder) => createRequire(import.meta.url)(`${folder}/start.cjs`).run(name, `${root}dist/${name}.cjs`)

/** After a real start and a few requests the cache holds also what is compiled late. */
const warmNode = async (folder) => {
  const port = await freePort()
  process.env.POLYCHORD_PORT = String(port)
  process.env.POLYCHORD_DATA = `${folder}/data`
  const { script, cacheFile } = run('node', folder)
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    const ready = await fetch(`${url}/readyz`).catch(() => undefined)
    if (ready?.ok) break
    await new Promise((resume) => setTimeout(resume, 20))
  }
  await fetch(`${url}/store`, { method: 'POST', body: new URLSearchParams({ value: 'hello' }) })
  for (const path of ['/', '/nodeinfo', '/neighborhood', '/lookup?value=hello', '/lookup/zz']) await fetch(url + path)
  writeFileSync(cacheFile, script.createCachedData())
  rmSync(process.env.POLYCHORD_DATA, { recursive: true, force: true })
  process.exit(0)
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** One that has nothing to do loads as much as any other. */
const warmTask = (folder) => {
  process.env.POLYCHORD_HOME = `${folder}/home`
  process.argv = [...process.argv.slice(0, 2), 'killall']
  const { script, cacheFile } = run('task', folder)
  process.on('exit', () => {
    writeFileSync(cacheFile, script.createCachedData())
    rmSync(process.env.POLYCHORD_HOME, { recursive: true, force: true })
  })
}

const [, , name, folder] = process.argv
if (name === 'node') await warmNode(folder)
else if (name === 'task') warmTask(folder)
else await build()
