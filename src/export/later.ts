import type { Encoding } from './contract'

/**
 * An encoding whose file is read with the first batch.
 *
 * @param mediaType of the encoding that will be loaded, as are `maxSpans` and whether its messages can grow
 */
export function later(mediaType: string, maxSpans: number, load: () => Encoding, grows = false): Encoding {
  let loaded: Encoding | undefined
  const get = () => {
    loaded ??= load()
    return loaded
  }
  return {
    mediaType,
    maxSpans,
    encode: (batch, resource) => get().encode(batch, resource),
    open: grows ? () => get().open!() : undefined,
    split: grows ? (body, size) => get().split!(body, size) : undefined,
    readReply(body, type) {
      const { readReply } = get()
      return readReply === undefined ? { rejectedSpans: 0, message: '' } : readReply(body, type)
    },
    readError: (body, type) => get().readError?.(body, type) ?? '',
  }
}

/** The OTLP file format, of more than one exporter. */
export const jsonLines = later('application/jsonl', Infinity, () => {
  const { otlpJsonLines } = require('./encodings/otlp-json') as typeof import('./encodings/otlp-json')
  return otlpJsonLines
})
