/** Where peers' urls lead to: an address and a port. Names are looked up, and remembered for a while. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { remember } from '../space/memory.ts'

export interface Address {
  readonly address: string
  readonly family: number
  readonly port: number
}

/** How long a name is believed to mean what it meant; and to mean nothing. */
const keptMs = 30_000
const missingMs = 3000
const namesMost = 4096

interface Found {
  readonly until: number
  readonly address: Promise<Omit<Address, 'port'> | undefined>
}

export class Addresses {
  readonly #family: 0 | 4
  readonly #found = new Map<string, Found>()

  /** @param family 4: of names that have both kinds of addresses, those of IPv4 */
  constructor(family: 0 | 4) {
    this.#family = family
  }

  /** At once where the host is an address; undefined for a name that means nothing. */
  of(url: string): Address | Promise<Address | undefined> {
    const { hostname, port } = new URL(url)
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const number = Number(port) || (url.startsWith('https:') ? 443 : 80)
    const family = isIP(host)
    if (family !== 0) return { address: host, family, port: number }
    return this.#named(host).then((found) => found && { ...found, port: number })
  }

  #named(host: string): Found['address'] {
    const now = performance.now()
    const known = this.#found.get(host)
    if (known && known.until > now) return known.address
    const address = lookup(host, { family: this.#family }).catch(() => {
      const missing = { until: performance.now() + missingMs, address: Promise.resolve(undefined) }
      remember(this.#found, host, missing, namesMost)
      return undefined
    })
    remember(this.#found, host, { until: now + keptMs, address }, namesMost)
    return address
  }
}
