/** What a node counts, for Prometheus. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { Log } from '../ports.ts'
import type { NodeInfo } from '../protocol/client-api.ts'
import type { PacketCounts } from './datagrams.ts'
import { drops } from './packet.ts'
import { Tally } from './tally.ts'

const secondsBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const hopsBounds = [0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50]

export class Metrics {
  readonly #registry = new Registry()
  readonly contentType = this.#registry.contentType
  readonly #requests = new Tally(this.#registry, 'polychord_request_duration_seconds', 'requests answered', secondsBounds)
  readonly #hops = new Tally(this.#registry, 'polychord_lookup_hops', 'peers asked on the way to an owner', hopsBounds)
  readonly #lost = this.#counter('polychord_lookup_failures_total', 'lookups that ended in an error, by its code', [
    'call',
    'code',
  ])
  readonly #events = this.#counter('polychord_ring_events_total', 'what has changed around this node', ['event'])
  readonly #calls = this.#counter('polychord_peer_calls_total', 'calls to peers, by name and outcome', ['name', 'outcome'])
  readonly #unauthorized = this.#counter('polychord_unauthorized_total', 'requests without a good signature', ['reason'])
  readonly #packetsSent = this.#counter('polychord_packets_sent_total', 'packets sent, by type', ['type'])
  readonly #packetsReceived = this.#counter('polychord_packets_received_total', 'packets heeded, by type', ['type'])
  readonly #packetDrops = this.#counter('polychord_packet_drops_total', 'packets not heeded or not sent', ['reason'])

  constructor() {
    for (const reason of [...drops, 'unsent']) this.#packetDrops.inc({ reason }, 0)
  }

  readonly packets: PacketCounts = {
    sent: (type) => this.#packetsSent.inc({ type }),
    received: (type) => this.#packetsReceived.inc({ type }),
    dropped: (reason) => this.#packetDrops.inc({ reason }),
  }

  /** How to note an answer of one route: its status, and how long it took. */
  route(method: string, route: string): (status: number, seconds: number) => void {
    const byStatus = new Map<number, (seconds: number) => void>()
    return (status, seconds) => {
      let observe = byStatus.get(status)
      if (!observe) {
        observe = this.#requests.series({ route, method, status })
        byStatus.set(status, observe)
      }
      observe(seconds)
    }
  }

  /** How to note the hops of one call that looks for an owner. */
  hops(call: string): (hops: number) => void {
    return this.#hops.series({ call })
  }

  /** A call that looked for an owner ended in an error with this code. */
  lost(call: string, code: string): void {
    this.#lost.inc({ call, code })
  }

  readonly unauthorized = (reason: string): void => this.#unauthorized.inc({ reason })

  readonly called = (name: string, outcome: string): void => this.#calls.inc({ name, outcome })

  /** The log of a node, with its events counted: what it logs as info is what has changed around it. */
  counting(log: Log): Log {
    return {
      debug: (fields, event) => log.debug(fields, event),
      info: (fields, event) => {
        this.#events.inc({ event })
        log.info(fields, event)
      },
      warn: (fields, event) => log.warn(fields, event),
      error: (fields, event) => log.error(fields, event),
    }
  }

  /** Gauges that are read when someone asks. */
  watch(info: () => NodeInfo, delayMs: () => number): void {
    this.#gauge('polychord_keys', 'records held, by role', ['role'], (gauge) => {
      const { owned, replicas, misplaced } = info().content
      gauge.set({ role: 'owned' }, owned)
      gauge.set({ role: 'replica' }, replicas)
      gauge.set({ role: 'misplaced' }, misplaced)
    })
    this.#gauge('polychord_members', 'members known, this node among them, by state', ['state'], (gauge) => {
      const { alive = 0, suspect = 0, dead = 0, left = 0 } = info().membership ?? {}
      for (const [state, count] of Object.entries({ alive, suspect, dead, left })) gauge.set({ state }, count)
    })
    this.#gauge('polychord_health', '0: well; more: this node is slow itself', [], (gauge) =>
      gauge.set(info().membership?.health ?? 0),
    )
    this.#gauge('polychord_cut_off', '1: so many members are silent at once that it is rather this node', [], (gauge) =>
      gauge.set(info().membership?.cutOff ? 1 : 0),
    )
    this.#gauge('polychord_membership_drops_total', 'what was heard of members and not heeded', ['reason'], (gauge) => {
      for (const [reason, count] of Object.entries(info().membership?.drops ?? {})) gauge.set({ reason }, count)
    })
    this.#gauge('polychord_event_loop_delay_seconds', 'mean delay of the event loop over the last second', [], (gauge) =>
      gauge.set(delayMs() / 1000),
    )
    this.#gauge('process_resident_memory_bytes', 'resident memory', [], (gauge) => gauge.set(process.memoryUsage.rss()))
    this.#gauge('process_cpu_seconds_total', 'user and system time', [], (gauge) => {
      const { user, system } = process.cpuUsage()
      gauge.set((user + system) / 1e6)
    })
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] })
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[], read: (gauge: Gauge<L>) => void): void {
    const gauge: Gauge<L> = new Gauge({ name, help, labelNames, registers: [this.#registry], collect: () => read(gauge) })
  }
}
