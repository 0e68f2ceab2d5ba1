/**
 * Plays random worlds for so many minutes, on all cores: `npm run soak [minutes] [first seed]`.
 *
 * Three of five are swarms, one goes beyond what the protocol assumes, one is a named scenario; overlays take turns, and each seed draws its
 * traits. What fails is shrunk to the deeds that matter, where chance wrote the script, and said with the line that plays it again.
 */
import { fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { type Report, scenarios, simulate } from '../src/sim/scenarios.ts'
import { type OverlayName, overlayNames } from '../src/overlay/overlays.ts'
import { inWords } from '../src/sim/script.ts'
import { shrink } from '../src/sim/shrink.ts'
import { typed } from './task.ts'

interface Progress {
  readonly runs: number
  /** What to tell people. */
  readonly failure?: readonly string[]
}

const [word = '5', seedWord] = process.argv.slice(2)

const scenarioOf = (seed: number): string => {
  const names = Object.keys(scenarios)
  const turn = seed % 5
  return turn < 3 ? 'swarm' : turn === 3 ? 'beyond' : (names[Math.floor(seed / 5) % names.length] ?? 'swarm')
}

const overlayOf = (seed: number): OverlayName => overlayNames[Math.floor(seed / 5) % overlayNames.length] ?? 'chord'

/** What has failed, whatever it counted. */
const faultsOf = ({ checks }: Report): readonly string[] =>
  checks.flatMap(({ name, ok }) => (ok ? [] : [name.replaceAll(/\d+/g, 'n')]))

/** Plays every `step`th seed until told to stop. */
const work = async (first: number, step: number): Promise<void> => {
  let stopped = false
  process.on('message', () => {
    stopped = true
  })
  // Nobody would end it any more.
  process.on('disconnect', () => process.exit(stopped ? 0 : 1))
  for (let seed = first; !stopped && process.connected; seed += step) {
    const report = await simulate(scenarioOf(seed), seed, { overlay: overlayOf(seed) })
    const progress: Progress = faultsOf(report).length > 0 ? { runs: 1, failure: await describe(report) } : { runs: 1 }
    if (process.connected) process.send?.(progress)
  }
  if (process.connected) process.disconnect()
}

const describe = async (report: Report): Promise<string[]> => {
  const { name, seed, checks, script } = report
  const overlay = overlayOf(seed)
  const wrong = checks.filter(({ ok }) => !ok).map(({ name: what, detail }) => `  ${what}: ${detail.split('\n')[0]}`)
  const again = `  again: ${typed(`simulate ${name} ${seed} overlay=${overlay}`)}`
  if (!script) return [`✗ ${name} ${seed} in ${overlay}`, ...wrong, again]
  const faults = faultsOf(report)
  const failsAlike = (other: Report) => faultsOf(other).some((fault) => faults.includes(fault))
  const short = await shrink(script, async (shorter) => failsAlike(await simulate(name, seed, { script: shorter, overlay })))
  const still = await simulate(name, seed, { script: short, overlay })
  const left = still.checks.filter(({ ok }) => !ok).map(({ name: what, detail }) => `    ${what}: ${detail.split('\n')[0]}`)
  return [
    `✗ ${name} ${seed} in ${overlay}`,
    ...wrong,
    `  ${short.deeds.length} of its ${script.deeds.length} deeds are enough, with ${short.nodes} nodes at the start:`,
    ...short.deeds.map((deed) => `    ${inWords(deed)}`),
    ...left,
    again,
  ]
}

const lead = async (minutes: number, first: number): Promise<void> => {
  const workers = availableParallelism()
  const began = performance.now()
  let runs = 0
  let failures = 0
  const say = () => {
    const passed = (performance.now() - began) / 60_000
    process.stdout.write(`${runs} seeds from ${first} on · ${Math.round(runs / passed)} a minute · ${failures} failed\n`)
  }
  const children = Array.from({ length: workers }, (_, at) =>
    fork(process.argv[1] ?? '', ['worker', String(first + at), String(workers)]).on('message', (progress: Progress) => {
      runs += progress.runs
      if (!progress.failure) return
      failures++
      process.stdout.write(`${progress.failure.join('\n')}\n`)
    }),
  )
  const telling = setInterval(say, 30_000)
  const ending = setTimeout(() => {
    for (const child of children) if (child.connected) child.send('stop')
  }, minutes * 60_000)
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))))
  clearInterval(telling)
  clearTimeout(ending)
  say()
  if (failures > 0 || children.some(({ exitCode }) => exitCode !== 0)) process.exitCode = 1
}

if (word === 'worker') await work(Number(seedWord), Number(process.argv[4]))
else {
  const [minutes, first] = [Number(word), seedWord === undefined ? randomInt(1_000_000) : Number(seedWord)]
  if (minutes > 0 && Number.isInteger(first)) await lead(minutes, first)
  else {
    process.stderr.write('for how many minutes, and from which seed on? For instance: npm run soak 5, or npm run soak 5 1000\n')
    process.exitCode = 2
  }
}
