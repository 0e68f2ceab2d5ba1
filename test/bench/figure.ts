/**
 * One line of the table: what was measured, beside what it is measured against, and the goal.
 *
 * What is measured against something is measured in rounds that alternate with it, and the ratio is the median of the
 * rounds' own ratios: a moment at which the machine is busy with something else then hits both sides. `best` is that of the
 * best round of either side.
 */
import { table } from '../../tasks/render/text.ts'

/** At most or at least so much: of the ratio where there is something to compare with, else of the value itself. */
export type Goal = { readonly most: number } | { readonly least: number }

export interface Figure {
  readonly what: string
  /** One value a round. */
  readonly ours: readonly number[]
  /** The other side of the same rounds. */
  readonly against?: readonly number[]
  readonly unit: string
  /** Without one the line only informs. */
  readonly goal?: Goal
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

export const mean = (values: readonly number[]): number => sum(values) / values.length

const heads = ['', 'ours', 'against', 'ratio', 'best', 'rounds', 'goal', 'met']

/** The lines of one table; the figures of each part under its title. */
export const printFigures = (parts: readonly { title: string; figures: readonly Figure[] }[]): string[] => {
  const rows = parts.flatMap(({ figures }) => figures.map(rowOf))
  const aligns = ['left', 'right', 'right', 'right', 'right', 'left', 'right', 'left'] as const
  const [head = '', ...lines] = table(aligns, [heads, ...rows])
  return [head, ...parts.flatMap(({ title, figures }) => ['', title, ...lines.splice(0, figures.length)])]
}

const rowOf = ({ what, ours, against, unit, goal }: Figure): string[] => {
  const value = median(ours)
  if (!against) return [`  ${what}`, valueText(value, unit), '', '', '', spread(ours), ...goalCells(goal, value)]
  const ratios = ours.map((own, round) => own / (against[round] ?? NaN))
  const ratio = median(ratios)
  return [
    `  ${what}`,
    valueText(value, unit),
    valueText(median(against), unit),
    ratio.toFixed(2),
    (best(ours, unit) / best(against, unit)).toFixed(2),
    spread(ratios),
    ...goalCells(goal, ratio),
  ]
}

/** Of rates the highest, of all else the lowest. */
const best = (values: readonly number[], unit: string): number =>
  unit.endsWith('/s') ? Math.max(...values) : Math.min(...values)

const goalCells = (goal: Goal | undefined, value: number): string[] => {
  if (!goal) return ['', '']
  const [met, words] =
    'most' in goal ? [value <= goal.most, `≤ ${digits(goal.most)}`] : [value >= goal.least, `≥ ${digits(goal.least)}`]
  return [words, met ? 'yes' : 'no']
}

/** `1.21 to 1.34`: the lowest and the highest of the rounds. */
const spread = (values: readonly number[]): string =>
  values.length < 2 ? '' : `${digits(Math.min(...values))} to ${digits(Math.max(...values))}`

const valueText = (value: number, unit: string): string => `${digits(value)} ${unit}`

/** Three digits that count, thousands apart. */
const digits = (value: number): string => {
  if (value < 100) return String(Number(value.toPrecision(3)))
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ' ')
}
