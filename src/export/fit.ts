import type { Encoding, Transport } from './contract'

/** @throws Error when the transport cannot carry what the encoding makes */
export function checkFit({ mediaType }: Encoding, { accepts, target }: Transport): void {
  if (accepts.length === 0 || accepts.includes(mediaType)) return
  throw new Error(`${target} takes ${accepts.join(' or ')} and the encoding makes ${mediaType}: they do not fit`)
}
