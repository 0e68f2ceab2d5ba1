/** `npm run chaos [seconds] [seed]`: real nodes under fire, for as long as wanted. Exit code 1 when anything was lost. */
import { chaos } from './chaos.ts'

const [seconds = '60', seed = String(1 + Math.floor(Math.random() * 1e9))] = process.argv.slice(2)
if (!(Number(seconds) > 0) || !Number.isInteger(Number(seed))) {
  process.stderr.write('for how many seconds, and from which seed on? For instance: npm run chaos 60, or npm run chaos 60 7\n')
  process.exit(2)
}
const report = await chaos({
  nodes: 8,
  seconds: Number(seconds),
  firstPort: 26_001,
  seed: Number(seed),
  tell: (line) => process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`),
})
process.stdout.write(`${JSON.stringify({ ...report, seed: Number(seed) }, null, 2)}\n`)
if (report.lost.length + report.wrong.length > 0 || !report.check.includes('✓')) process.exitCode = 1
