/** What is known of many: the last word of each, and no more of them than there is room for. */

/** Puts it last; the one that has been there for longest is forgotten, where there are more than `most`. */
export const remember = <K, V>(memory: Map<K, V>, key: K, value: V, most: number): void => {
  memory.delete(key)
  memory.set(key, value)
  if (memory.size <= most) return
  for (const oldest of memory.keys()) return void memory.delete(oldest)
}
