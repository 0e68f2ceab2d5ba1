/** One figure of docs/figures: what the paper says, what this code does, and the difference, as a table and a plot. */
import { type Plot, plot } from './plot.ts'

export interface Figure {
  /** Of its files: `<name>.md`, `<name>.svg`. */
  readonly name: string
  readonly title: string
  /** Paper, section and figure. */
  readonly source: string
  /** What the paper says, word for word. */
  readonly quote?: string
  /** How it was measured here; what differs from the paper and why. Paragraphs. */
  readonly text: readonly string[]
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  readonly plot: Plot
}

export const markdownOf = ({ name, title, source, quote, text, head, rows }: Figure): string =>
  [
    '<!-- Written by `npm run figures`; do not edit. -->',
    `# ${title}`,
    `${source}.`,
    ...(quote === undefined ? [] : [`> ${quote}`]),
    `![${title}](${name}.svg)`,
    ...text,
    [head, head.map(() => '---:'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n'),
    '',
  ].join('\n\n')

export const svgOf = (figure: Figure): string => plot(figure.plot)

export const indexOf = (figures: readonly Figure[]): string =>
  [
    '<!-- Written by `npm run figures`; do not edit. -->',
    '# Figures',
    'What the papers on Chord, Kademlia and Pastry have measured, measured again on the code that serves requests: the routing tables and the lookup of every node, over networks at rest (`src/sim/still-network.ts`); and whole nodes, in the simulator, where it takes time: how they arrive, come and go. `npm run figures` draws all of them anew, and draws the same: every random choice follows from a seed. `npm test` checks them in a smaller size (`test/paper`).',
    "SIGCOMM'01 is Stoica, Morris, Karger, Kaashoek, Balakrishnan, *Chord: A Scalable Peer-to-peer Lookup Service for Internet Applications*, 2001; ToN'03 the version of 2003 in *IEEE/ACM Transactions on Networking*. Middleware 2001 is Rowstron, Druschel, *Pastry: Scalable, Decentralized Object Location and Routing for Large-Scale Peer-to-Peer Systems*. Where the papers print no numbers, “another simulation” is an independent one of the same rules.",
    ['| figure | source |', '| --- | --- |', ...figures.map((it) => `| [${it.title}](${it.name}.md) | ${it.source} |`)].join(
      '\n',
    ),
    '',
  ].join('\n\n')

/** `+1.3 %` */
export const difference = (value: number, published: number): string => {
  if (published === 0) return value === 0 ? 'none' : `+${value.toFixed(2)}`
  return `${signed(100 * (value / published - 1), 1)} %`
}

/** `+0.04`, `0.00`, `-0.12` */
export const signed = (value: number, digits: number): string => {
  const text = value.toFixed(digits)
  return Number(text) === 0 ? text.replace('-', '') : Number(text) > 0 ? `+${text}` : text
}
