import type { Transport, TransportSpec } from './contract'

interface TransportFile {
  /** @throws if the options cannot be used */
  create(options: object): Transport
}

/** Each is loaded when it is chosen. */
const FILES: Readonly<Record<string, () => TransportFile>> = {
  aws: () => require('./transports/aws'),
  file: () => require('./transports/file'),
  grpc: () => require('./transports/grpc'),
  http: () => require('./transports/http'),
  kafka: () => require('./transports/kafka'),
  stdout: () => require('./transports/stdout'),
  udp: () => require('./transports/udp'),
}

/** @throws if there is no such file, or if it cannot use the options */
export function createTransport({ file, options }: TransportSpec): Transport {
  if (!Object.hasOwn(FILES, file)) throw new Error(`there is no transport ${file}`)
  return FILES[file]!().create(options)
}
