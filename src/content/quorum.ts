/** How many nodes are tried, have to say so, or have to have a copy. */

/** Nodes that one write tries at the most, and one reading: what somebody took is to be found. */
export const visitsMost = (replicas: number): number => Math.max(16, 2 * replicas)

/** The least that any two parts of a window of that size, each so large, have one node in common. */
export const majorityOf = (window: number): number => Math.floor(window / 2) + 1

/** Copies without which nothing is acknowledged in a network of more than one node, and words without which none of them is believed. */
export const copiesLeast = 2
