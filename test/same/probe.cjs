'use strict'
// Preloaded into a program after the agent, or alone: at the end it writes down what the program could see of its world.
// Two runs, with and without the agent, must tell the same. Threads and children of the program are left out.
const fs = require('node:fs')
const { EventEmitter } = require('node:events')
const path = require('node:path')

const { SAME_PROBE: file, SAME_AGENT: agentFolders = '' } = process.env
delete process.env.SAME_PROBE
delete process.env.SAME_AGENT
const agentParts = agentFolders.split(path.delimiter).filter(folder => folder !== '')

const warnings = []
if (file !== undefined) {
  process.on('warning', warning => warnings.push(`${warning.name} ${warning.code} ${warning.message}`))
  process.on('exit', code => {
    const { exitCode } = process
    fs.writeFileSync(file, JSON.stringify({ code, exitCode, warnings, ...look() }))
  })
}

/** A file of the agent, or of a package that only the agent loads. */
function isAgents(filename) {
  return filename === __filename || agentParts.some(part => filename.startsWith(part))
}

function look() {
  const modules = Object.keys(require.cache).filter(filename => !isAgents(filename))
  const shapes = {}
  const seen = new Set()
  for (const name of ['http', 'https', 'http2', 'net', 'tls', 'events', 'stream', 'diagnostics_channel', 'module']) {
    describe(`node:${name}`, require(`node:${name}`), shapes, seen, 2)
  }
  describe('process', process, shapes, seen, 1)
  describe('fetch', globalThis.fetch, shapes, seen, 2)
  for (const filename of modules) {
    if (/[\\/](express|express4|router|@grpc|undici)[\\/]/.test(filename)) {
      describe(filename, require.cache[filename].exports, shapes, seen, 2)
    }
  }
  return {
    modules: modules.map(filename => {
      const { children, exports, loaded, parent, paths } = require.cache[filename]
      const inner = children.map(child => child.filename).filter(name => !isAgents(name))
      const above = parent && !isAgents(parent.filename ?? '') ? parent.filename : typeof parent
      const keys = Reflect.ownKeys(require.cache[filename]).map(String)
      return [filename, loaded, typeof exports, inner.length, above, paths?.length, keys.join()]
    }),
    shapes,
    listeners: process
      .eventNames()
      .map(event => `${String(event)} ${process.listenerCount(event)}`)
      .sort(),
    // Names of channels cannot be listed; what a program sees of one is whether anybody listens.
    emitter: [EventEmitter.defaultMaxListeners, EventEmitter.captureRejections],
    errors: [Error.stackTraceLimit, typeof Error.prepareStackTrace],
    globals: Reflect.ownKeys(globalThis)
      .filter(key => !isPrivate(key))
      .map(String),
    environment: Object.keys(process.env).filter(key => !/^(OTEL|TRACING|NODE_OPTIONS)/.test(key)),
    handles: process._getActiveHandles().length,
  }
}

/**
 * Symbols that agents of all kinds put there to find each other, and that nobody enumerates. From Node 22 on the first message
 * between threads loads the builtin undici, which leaves one of its own: threads of a traced program exchange messages.
 */
function isPrivate(key) {
  const names = /^Symbol\((tracing-agent|opentelemetry\.js\.api\.1|undici\.globalDispatcher\.\d)\)$/
  return typeof key === 'symbol' && names.test(String(key))
}

function describe(name, value, shapes, seen, depth) {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return
  seen.add(value)
  const lines = []
  for (const key of Reflect.ownKeys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key)
    const { configurable, enumerable, get, set, value: inner, writable } = descriptor
    // A wrapper shares the prototype of what it wraps, whose constructor that one remains.
    if (key === 'constructor' && value.constructor?.prototype === value) continue
    // What a program assigned to it stands behind an accessor of the agent, which takes a look at it for the end of the program.
    if (value === process && key === 'emit') {
      lines.push(`emit ${configurable}${enumerable}`)
      continue
    }
    const kind = get || set ? `${get ? 'get' : ''}${set ? 'set' : ''}` : shape(inner)
    lines.push(`${String(key)} ${configurable}${enumerable}${writable} ${kind}`)
    if (depth > 0 && typeof inner === 'function') describe(`${name}.${String(key)}`, inner, shapes, seen, depth - 1)
    if (depth > 0 && key === 'prototype') describe(`${name}.prototype`, inner, shapes, seen, depth)
  }
  const above = Object.getPrototypeOf(value)
  lines.push(`[[prototype]] ${above?.constructor?.name} ${Object.isExtensible(value)}`)
  shapes[name] = lines
}

function shape(value) {
  if (typeof value !== 'function') return typeof value
  const text = Function.prototype.toString.call(value)
  return `function ${value.name} ${value.length} ${text.startsWith('class')} ${Reflect.ownKeys(value).map(String).join()}`
}
