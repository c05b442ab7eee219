import { type Entity, entities } from '../entity-types'
import { DETECTORS, type DetectorName } from '../names'
import { option } from '../row'
import { attributes, millis, namesOf, text } from '../types'

/** Detectors that ask nobody and cost nothing worth naming. */
export const LOCAL_DETECTORS: readonly DetectorName[] = [
  'env',
  'host',
  'os',
  'process',
  'serviceinstance',
  'container',
  'k8s',
  'lambda',
]

export const RESOURCE = {
  serviceName: option({
    env: 'OTEL_SERVICE_NAME',
    type: text,
    default: '',
    defaultText: 'service.name of OTEL_RESOURCE_ATTRIBUTES, else the name in the nearest package.json',
    doc: 'Name of this service.',
  }),
  resourceAttributes: option({
    env: 'OTEL_RESOURCE_ATTRIBUTES',
    type: attributes,
    default: [],
    doc: 'What else is known of this service, as key=value pairs such as service.version=1.2,deployment.environment.name=prod. Values are percent-encoded; one mistake discards the whole list.',
  }),
  entities: option<readonly Entity[]>({
    env: 'OTEL_ENTITIES',
    type: entities,
    default: [],
    doc: 'What this process belongs to, as its platform knows it: entities such as k8s.pod{k8s.pod.uid=…}[k8s.pod.name=…];host{host.id=…}. Their attributes become attributes of the resource; OTEL_RESOURCE_ATTRIBUTES wins over them.',
  }),
  resourceDetectors: option<readonly string[]>({
    env: 'OTEL_NODE_RESOURCE_DETECTORS',
    type: namesOf(DETECTORS, ['alibaba'], 'not part of this agent'),
    default: LOCAL_DETECTORS,
    doc: 'What to find out about the surroundings, in this order; a later one wins, and what variables say wins over all. aws, gcp and azure ask the metadata service of the cloud and need the package @opentelemetry/resource-detector-aws, -gcp or -azure.',
  }),
  resourceTimeoutMs: option({
    env: 'TRACING_AGENT_RESOURCE_TIMEOUT',
    type: millis,
    default: 1000,
    doc: 'Longest time that the first export waits for the metadata service of the cloud.',
  }),
}
