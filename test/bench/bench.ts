/**
 * `npm run bench [part…]`: what polychord reaches, beside what it could reach at best on the same machine in the same
 * minute. docs/BENCHMARKS.md tells what each line means.
 *
 * Exit codes: 0 measured, whatever the figures; 1 something could not be measured; 2 wrong use.
 */
import { availableParallelism } from 'node:os'
import { bundle } from './bundle.ts'
import { measureDurable } from './durable.ts'
import { type Figure, printFigures } from './figure.ts'
import { measureFifty } from './fifty.ts'
import { measureLookup } from './lookup.ts'
import { measureOneHop } from './onehop.ts'
import { measureOwner } from './owner.ts'
import { beginPorts, run } from './process.ts'
import { measureStart } from './start.ts'
import { measureTransfer } from './transfer.ts'
import { measureWatch } from './watch.ts'

/** As the npm script has it for this process: room enough that calls which wait for an answer are not copied again and again. */
const youngSpace = { NODE_OPTIONS: '--max-semi-space-size=64' }

/** One of those in alone.ts. */
const measureAlone = async (name: string): Promise<Figure[]> =>
  JSON.parse(await run(await bundle('test/bench/alone.ts', 'dist/bench/alone.cjs'), [name], youngSpace)) as Figure[]

const parts: Record<string, { readonly title: string; readonly measure: () => Promise<Figure[]> }> = {
  lookup: { title: 'a lookup in a ring of 20, against hops + 1 bare calls', measure: measureLookup },
  onehop: { title: 'a lookup through a node that does not hold the key, in a network of 20', measure: measureOneHop },
  owner: { title: 'a lookup at the owner, against a bare route', measure: measureOwner },
  durable: { title: 'values on three disks, through one node of 6, against etcd with 3 members', measure: measureDurable },
  transfer: { title: 'a node joins a ring of 6 with 100 000 records', measure: measureTransfer },
  watch: { title: 'who is alive, in a network of 20', measure: measureWatch },
  start: { title: 'a node started by addmany 10, against its packages alone', measure: measureStart },
  fifty: { title: '50 nodes', measure: measureFifty },
  sim: { title: 'the simulator, in one thread', measure: () => measureAlone('sim') },
  still: {
    title: 'routing tables of 100 000 nodes, and as many lookups, in one thread',
    measure: () => measureAlone('still'),
  },
}

const names = process.argv.slice(2)
const unknown = names.find((name) => !Object.hasOwn(parts, name))
if (unknown !== undefined) {
  process.stderr.write(`there is no part ${unknown}; there are: ${Object.keys(parts).join(', ')}\n`)
  process.exit(2)
}

const began = performance.now()
const measured: { title: string; figures: Figure[] }[] = []
for (const [name, { title, measure }] of Object.entries(parts)) {
  if (names.length > 0 && !names.includes(name)) continue
  process.stderr.write(`measuring ${name}: ${title}…\n`)
  beginPorts()
  try {
    measured.push({ title: `${name}: ${title}`, figures: await measure() })
  } catch (error) {
    process.exitCode = 1
    process.stderr.write(`${name} could not be measured: ${error instanceof Error ? error.stack : String(error)}\n`)
  }
}
for (const line of printFigures(measured)) process.stdout.write(`${line}\n`)
const seconds = Math.round((performance.now() - began) / 1000)
process.stdout.write(
  `\n${seconds} s on ${availableParallelism()} cores, Node ${process.version}, ${process.platform} ${process.arch}\n`,
)
