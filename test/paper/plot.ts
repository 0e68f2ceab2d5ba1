/** A plot as SVG: axes, ticks, a legend, and series drawn as lines, as points with whiskers, or as bars. */

/** One value, and how far it reaches where a range is shown. */
export interface Point {
  readonly x: number
  readonly y: number
  readonly low?: number
  readonly high?: number
}

export interface Series {
  /** As the legend calls it; without one it is not in the legend. */
  readonly name?: string
  readonly draw: 'line' | 'points' | 'bars'
  readonly color: string
  readonly points: readonly Point[]
}

export interface Axis {
  readonly label: string
  /** Both ends of the axis. */
  readonly range: readonly [number, number]
  readonly ticks: readonly number[]
  /** What is written at a tick; the number itself without it. */
  readonly tickText?: (tick: number) => string
}

export interface Plot {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

export const colors = { ours: '#0b6e99', paper: '#d1495b', other: '#8a8f98', second: '#e09f3e' } as const

const width = 720
const height = 440
const frame = { left: 78, right: 696, top: 84, bottom: 382 }

export const plot = ({ title, x, y, series }: Plot): string => {
  const across = scale(x.range, frame.left, frame.right)
  const up = scale(y.range, frame.bottom, frame.top)
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    text(frame.left, 34, title, 'font-size="17" font-weight="600" fill="#1c2330"'),
    ...legend(series),
    ...y.ticks.flatMap((tick) => [
      `<line x1="${frame.left}" x2="${frame.right}" y1="${up(tick)}" y2="${up(tick)}" stroke="#e6e8ec"/>`,
      text(frame.left - 9, up(tick) + 4, tickText(y, tick), 'font-size="12" fill="#555d6b" text-anchor="end"'),
    ]),
    ...x.ticks.flatMap((tick) => [
      `<line x1="${across(tick)}" x2="${across(tick)}" y1="${frame.bottom}" y2="${frame.bottom + 5}" stroke="#8a8f98"/>`,
      text(across(tick), frame.bottom + 20, tickText(x, tick), 'font-size="12" fill="#555d6b" text-anchor="middle"'),
    ]),
    ...series.flatMap((one) => drawSeries(one, across, up)),
    `<path d="M${frame.left} ${frame.top}V${frame.bottom}H${frame.right}" fill="none" stroke="#8a8f98"/>`,
    text((frame.left + frame.right) / 2, height - 16, x.label, 'font-size="13" fill="#1c2330" text-anchor="middle"'),
    text(0, 0, y.label, `font-size="13" fill="#1c2330" text-anchor="middle" transform="translate(18 ${middle}) rotate(-90)"`),
    '</svg>',
  ]
  return `${lines.join('\n')}\n`
}

const middle = (frame.top + frame.bottom) / 2

type Scale = (value: number) => number

const scale =
  ([low, high]: Axis['range'], from: number, to: number): Scale =>
  (value) =>
    round(from + ((value - low) / (high - low)) * (to - from))

const drawSeries = ({ draw, color, points }: Series, across: Scale, up: Scale): string[] => {
  if (draw === 'line') {
    const path = points.map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${across(x)} ${up(y)}`).join('')
    return [`<path d="${path}" fill="none" stroke="${color}" stroke-width="2" stroke-dasharray="6 4"/>`]
  }
  if (draw === 'bars') {
    const step = across(points[1]?.x ?? 1) - across(points[0]?.x ?? 0)
    const wide = round(step * 0.7)
    return points.map(({ x, y }) => {
      const top = up(y)
      return `<rect x="${round(across(x) - wide / 2)}" y="${top}" width="${wide}" height="${round(frame.bottom - top)}" fill="${color}" fill-opacity="0.85"/>`
    })
  }
  return points.flatMap(({ x, y, low, high }) => [
    ...(low === undefined || high === undefined ? [] : [whisker(across(x), up(low), up(high), color)]),
    `<circle cx="${across(x)}" cy="${up(y)}" r="4.5" fill="${color}"/>`,
  ])
}

const whisker = (x: number, low: number, high: number, color: string): string =>
  `<path d="M${x - 5} ${low}H${x + 5}M${x} ${low}V${high}M${x - 5} ${high}H${x + 5}" fill="none" stroke="${color}" stroke-width="1.5" stroke-opacity="0.6"/>`

/** The names of the series, in one line under the title. */
const legend = (series: readonly Series[]): string[] => {
  let x = frame.left
  return series.flatMap(({ name, draw, color }) => {
    if (name === undefined) return []
    const mark =
      draw === 'line'
        ? `<path d="M${x} 58h22" stroke="${color}" stroke-width="2" stroke-dasharray="6 4"/>`
        : draw === 'bars'
          ? `<rect x="${x + 5}" y="52" width="12" height="12" fill="${color}" fill-opacity="0.85"/>`
          : `<circle cx="${x + 11}" cy="58" r="4.5" fill="${color}"/>`
    const label = text(x + 29, 62, name, 'font-size="13" fill="#1c2330"')
    x += 29 + Math.round(name.length * 6.9) + 22
    return [mark, label]
  })
}

const tickText = ({ tickText: say = String }: Axis, tick: number): string => say(tick)

const text = (x: number, y: number, words: string, attributes: string): string =>
  `<text x="${x}" y="${y}" ${attributes}>${escape(words)}</text>`

const escape = (words: string): string => words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const round = (value: number): number => Math.round(value * 10) / 10
