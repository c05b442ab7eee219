import Module from 'node:module'
import path from 'node:path'

/**
 * require-in-the-middle without the package `debug`: that one reads the environment when it is loaded, and a program that
 * shares our copy of it may set DEBUG first. It gets a copy that was not loaded before its time.
 */
export function loadRequireInTheMiddle(): typeof import('require-in-the-middle') {
  const file = require.resolve('debug', { paths: [path.dirname(require.resolve('require-in-the-middle'))] })
  if (require.cache[file] !== undefined) return require('require-in-the-middle')
  const silent = new Module(file)
  silent.exports = () => () => {}
  require.cache[file] = silent
  try {
    return require('require-in-the-middle')
  } finally {
    delete require.cache[file]
  }
}
