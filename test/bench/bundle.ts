/** Entries of the bench that run as processes of their own, bundled into dist/bench as tasks/build.mjs bundles a node. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { freePort, run } from './process.ts'

/** @returns the file to run */
export const bundle = async (entry: string, file: string): Promise<string> => {
  const made = await rolldown({ input: entry, platform: 'node', external: ['@fastify/swagger-ui', 'lmdb'] })
  await made.write({
    file,
    format: 'cjs',
    codeSplitting: false,
    dynamicImportInCjs: false,
    minify: { compress: true, mangle: true, codegen: { removeWhitespace: false } },
  })
  await made.close()
  return file
}

let bare: Promise<string> | undefined

/** The process that nodes are measured against, with the code cache of a real start. @returns the script to start */
export const bundleBare = (): Promise<string> => (bare ??= makeBare())

const makeBare = async (): Promise<string> => {
  const folder = resolve('dist/bench/bare')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const file = await bundle('test/bench/bare.ts', `${folder}/node.cjs`)
  const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[^\0-\x7f]/g, escape))
  copyFileSync('tasks/start.cjs', `${folder}/start.cjs`)
  await run('tasks/build.mjs', ['node', folder], { POLYCHORD_PORT: String(await freePort()) })
  return `${folder}/start.cjs`
}
