/** Bare Fastify routes, in a process of their own. */
import { openSync } from 'node:fs'
import { bundleBare } from './bundle.ts'
import { freePort, start } from './process.ts'

export interface Bare {
  readonly origin: string
  readonly pid: number
}

/** What a process answers at /reply, the schema by which it is written, and whose /reply it passes on at /forwarded. */
export interface Route {
  readonly schema: object
  readonly reply: object
  readonly origin?: string
}

export const withBare = async <T>({ origin = '', ...route }: Route, use: (bare: Bare) => Promise<T>): Promise<T> => {
  const port = await freePort()
  const env = { POLYCHORD_PORT: String(port), BARE_ROUTE: JSON.stringify(route), BARE_ORIGIN: origin }
  const { pid, end } = await start(await bundleBare(), env, openSync('/dev/null', 'w'))
  try {
    return await use({ origin: `http://127.0.0.1:${port}`, pid })
  } finally {
    end()
  }
}
