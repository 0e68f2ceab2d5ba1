import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * These are the first to load what they test: two put a disk of their own in the place of Node's, one says where the home is.
 * Each has a process for itself; all others share three, and load each module once.
 */
const first = ['test/service/journal.test.ts', 'test/service/lmdb-store.test.ts', 'test/tasks/wrong-use.test.ts']

/** They take longest, so that they begin at once: those with live nodes wait while those that simulate work. */
const longest = [
  'tasks/network',
  'tasks/restart',
  'sim/scenarios',
  'overlay/pastry',
  'sim/swarm',
  'overlay/kademlia',
  'chaos/chaos',
  'paper/chord',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => longest.some((name) => moduleId.endsWith(`/test/${name}.test.ts`))
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    globalSetup: 'test/leftovers.ts',
    sequence: { sequencer: LongestFirst },
    // Simulated worlds make much garbage that is young: with room for it a sixth of their time is saved. They run for seconds, and
    // much of what they run is not worth optimising as soon as V8 does: by later a tenth.
    execArgv: ['--max-semi-space-size=64', '--interrupt-budget=400000'],
    // Tests with live nodes wait more than they work: one more than there are cores on the smallest machine.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What comes at once may come late where a machine stands still.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      { extends: true, test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: first, isolate: false } },
      { extends: true, test: { name: 'first', include: first } },
    ],
  },
})
