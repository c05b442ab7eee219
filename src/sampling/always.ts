import { DROPPED, SAMPLED, type Sampler } from './contract'

export const alwaysOn: Sampler = {
  readsAttributes: false,
  readsTraceId: false,
  shouldSample: () => SAMPLED,
  toString: () => 'AlwaysOnSampler',
}

export const alwaysOff: Sampler = {
  readsAttributes: false,
  readsTraceId: false,
  shouldSample: () => DROPPED,
  toString: () => 'AlwaysOffSampler',
}
