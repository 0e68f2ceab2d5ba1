// Runs a bundle beside it with V8's code cache of it, which spares a node or a task most of its start; without one it compiles.
// V8 takes a cache for any source of the same length, so the name of the cache tells which bundle and Node it is of.
const { AsyncResource } = require('node:async_hooks')
const { createHash } = require('node:crypto')
const { existsSync, readFileSync } = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const v8 = require('node:v8')
const vm = require('node:vm')

// undici's parser is WebAssembly. Optimising it takes a second thread 80 ms, as much as all else that a node loads; by
// default the few calls of a join suffice for that, with this some thousands.
v8.setFlagsFromString('--wasm-tiering-budget=180000000')

// For each process.nextTick Node makes an object by a literal whose first keys are computed. When a collection of garbage finds none of them
// alive, V8 forgets their shape, and makes them the long way from then on, for good: a sixth of what a lookup costs. So one is kept alive.
const [asyncId, triggerId] = Object.getOwnPropertySymbols(new AsyncResource('tick'))
const [number] = new Float64Array(1)
const tick = { [asyncId]: number, [triggerId]: number, callback: () => {}, args: undefined }

/** Runs the bundle of that name, which calls itself `filename` in its stacks. */
const run = (name, filename = path.join(__dirname, `${name}.cjs`)) => {
  const file = path.join(__dirname, `${name}.cjs`)
  const bytes = readFileSync(file)
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  const cacheFile = path.join(__dirname, `${name}-${digest}-${process.version}.cache`)
  const cachedData = existsSync(cacheFile) ? readFileSync(cacheFile) : undefined
  // The build leaves nothing but ASCII in the bundle, hence latin1: one byte a character.
  const script = new vm.Script(Module.wrap(bytes.toString('latin1')), { filename, cachedData })
  const bundle = { exports: {} }
  script.runInThisContext()(bundle.exports, Module.createRequire(file), bundle, file, __dirname)
  return { script, cacheFile }
}

// A task asks for the function, and so does the build, to make the cache of a run.
module.exports = { run, tick }
if (require.main === module || module.parent === undefined) run('node')
