import type { Baggage, BaggageEntry } from '@opentelemetry/api'

/** Baggage as @opentelemetry/api describes it: immutable, in the order in which entries came. */
export class AgentBaggage implements Baggage {
  constructor(private readonly entries: ReadonlyMap<string, BaggageEntry>) {}

  /** `first` (of any copy of the API) with `entries` added; an entry of `entries` wins. */
  static merge(first: Baggage | undefined, entries: Map<string, BaggageEntry>): AgentBaggage {
    if (first === undefined) return new AgentBaggage(entries)
    const merged = new Map(first.getAllEntries())
    for (const [key, entry] of entries) merged.set(key, entry)
    return new AgentBaggage(merged)
  }

  getEntry(key: string): BaggageEntry | undefined {
    const entry = this.entries.get(key)
    return entry === undefined ? undefined : { ...entry }
  }

  getAllEntries(): [string, BaggageEntry][] {
    return [...this.entries]
  }

  setEntry(key: string, entry: BaggageEntry): AgentBaggage {
    const entries = new Map(this.entries)
    entries.set(key, entry)
    return new AgentBaggage(entries)
  }

  removeEntry(key: string): AgentBaggage {
    return this.removeEntries(key)
  }

  removeEntries(...keys: string[]): AgentBaggage {
    const entries = new Map(this.entries)
    for (const key of keys) entries.delete(key)
    return new AgentBaggage(entries)
  }

  clear(): AgentBaggage {
    return new AgentBaggage(new Map())
  }
}
