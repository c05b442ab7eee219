import type { InstrumentationRow } from '../src/instrumentation'

/** All instrumentations, in the order in which they are listed for the user. */
export const INSTRUMENTATIONS: readonly InstrumentationRow[] = []
