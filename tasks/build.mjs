/**
 * Builds dist/: the node and the tasks as one file each, how to start a node, and V8's code cache of the node.
 *
 * dist/ is made anew beside the old one and takes its place at the end: a bundle and the cache of another one never meet,
 * and nobody finds half a build.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const fresh = `${root}dist.${process.pid}`
const entries = { node: 'src/service/main.ts', task: 'tasks/cli.ts' }
/** How long a node may take to serve, the first time, uncached, on a busy machine. */
const warmUpMs = 60_000

const build = async () => {
  try {
    mkdirSync(fresh, { recursive: true })
    for (const [name, input] of Object.entries(entries)) if (existsSync(root + input)) await bundle(name, input)
    copyFileSync(`${root}tasks/start.cjs`, `${fresh}/start.cjs`)
    warmUp()
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

/** Has another process start a node and write the cache: V8 takes one only under the flags that it was made with. */
const warmUp = () => {
  const { NODE_OPTIONS: _flags, ...env } = process.env
  const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'warm', fresh], {
    env: Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('POLYCHORD_'))),
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: warmUpMs,
  })
  if (status !== 0) throw new Error('the node that was built does not start; what is above says why')
}

/** After a real start and a few requests the cache holds also what is compiled late. It keeps the name of its script. */
const warm = async (folder) => {
  const port = await freePort()
  process.env.POLYCHORD_PORT = String(port)
  process.env.POLYCHORD_DATA = `${folder}/data`
  const { run } = createRequire(import.meta.url)(`${folder}/start.cjs`)
  const { script, cacheFile } = run(`${root}dist/node.cjs`)
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

if (process.argv[2] === 'warm') await warm(process.argv[3])
else await build()
