/**
 * Runs one TypeScript entry of this project: `node tasks/run.mjs test/bench/bench.ts [words]`.
 *
 * The entry runs from dist/, with packages left outside the bundle: it finds the project's files from the working
 * directory, which is the root, not from `import.meta.url`.
 */
import './prepare.mjs'
import { basename } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const { rolldown } = await import('rolldown')

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const entry = process.argv[2]
if (entry === undefined) {
  process.stderr.write('which entry? For instance: node tasks/run.mjs tasks/write-protocol.ts\n')
  process.exit(2)
}
const file = `dist/${basename(entry, '.ts')}.mjs`
const bundle = await rolldown({ input: entry, platform: 'node', external: /^(node:|[^./])/ })
await bundle.write({ file, format: 'esm', codeSplitting: false, sourcemap: true })
await bundle.close()
process.argv.splice(1, 2, file)
await import(pathToFileURL(file).href)
