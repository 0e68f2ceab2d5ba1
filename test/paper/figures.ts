/** `npm run figures`: measures every figure in full, some twenty minutes, and writes docs/figures: a table and a plot for each. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { type Figure, indexOf, markdownOf, svgOf } from './figure.ts'
import { churnFigure, convergenceFigure, overlaysFigure } from './kademlia-figures.ts'
import { loadFigures, virtualIdsFigure } from './load-figures.ts'
import { copiesLostFigure, keysLostFigure } from './loss-figures.ts'
import { pastryArrivalsFigure, pastryDeathsFigure, pastryHopsFigure, pastrySharesFigure } from './pastry-figures.ts'
import { oneHopFigure } from './one-hop-figure.ts'
import { massFailureFigure, pathLengthFigure, pathSharesFigure } from './path-figures.ts'

if (process.argv.length > 2) {
  process.stderr.write('polychord: figures takes no words: it measures all of them, which takes some twenty minutes\n')
  process.exit(2)
}

const folder = 'docs/figures'
const write = (name: string, text: string): void => writeFileSync(`${folder}/${name}`, text)

mkdirSync(folder, { recursive: true })
const figures: Figure[] = []
for (const measure of [
  pathLengthFigure,
  pathSharesFigure,
  massFailureFigure,
  loadFigures,
  virtualIdsFigure,
  keysLostFigure,
  copiesLostFigure,
  pastryHopsFigure,
  pastrySharesFigure,
  pastryArrivalsFigure,
  pastryDeathsFigure,
  convergenceFigure,
  churnFigure,
  overlaysFigure,
  oneHopFigure,
]) {
  for (const figure of [await measure()].flat()) {
    write(`${figure.name}.md`, markdownOf(figure))
    write(`${figure.name}.svg`, svgOf(figure))
    figures.push(figure)
    process.stdout.write(`${folder}/${figure.name}.md\n`)
  }
}
write('README.md', indexOf(figures))
process.stdout.write(`${folder}/README.md\n`)
