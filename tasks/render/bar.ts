/** Bars of whole characters. */

/** `███░░` : so many owned and replica records, on the scale of the fullest node. Something that is there shows. */
export const contentBar = (owned: number, replicas: number, fullest: number, width: number): string => {
  if (owned + replicas === 0 || fullest === 0) return ''
  const total = Math.max(1, Math.round(((owned + replicas) / fullest) * width))
  const dark = replicas === 0 ? total : Math.min(total, Math.round((owned / (owned + replicas)) * total))
  return '█'.repeat(dark) + '░'.repeat(total - dark)
}

/** `██████····`: how far something has come. */
export const progressBar = (done: number, total: number, width: number): string => {
  const filled = total === 0 ? width : Math.floor((done / total) * width)
  return '█'.repeat(filled) + '·'.repeat(width - filled)
}
