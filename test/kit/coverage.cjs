'use strict'
/**
 * Counts the lines of the agent that a child program runs: stands in front of the agent's own flag. nyc can do this by
 * itself, at a price: it loads its whole machinery into every child, and signal handlers with it. This one loads code that
 * `nyc instrument` wrote before the tests, and at the end leaves the numbers where nyc collects them.
 */
const { randomUUID } = require('node:crypto')
const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')

const { COVERAGE_FOLDER, INSTRUMENTED_FOLDER } = process.env
const BUILD = path.resolve(__dirname, '../../build') + path.sep

const load = Module._extensions['.js']
Module._extensions['.js'] = function loadInstrumented(module, file) {
  // A child of the program with an environment of its own is not counted.
  const twin =
    INSTRUMENTED_FOLDER && file.startsWith(BUILD) ? path.join(INSTRUMENTED_FOLDER, file.slice(BUILD.length)) : ''
  if (twin !== '' && fs.existsSync(twin)) module._compile(fs.readFileSync(twin, 'utf8'), file)
  else load(module, file)
}

// After the last listener: the agent's own delivery at the end counts too.
const emit = process.emit
process.emit = function (name, ...args) {
  const result = Reflect.apply(emit, this, [name, ...args])
  if (name === 'exit' && COVERAGE_FOLDER && globalThis.__coverage__) {
    fs.writeFileSync(path.join(COVERAGE_FOLDER, `${randomUUID()}.json`), JSON.stringify(globalThis.__coverage__))
  }
  return result
}
