'use strict'
  /*
   * The agent, as one flag: node --require tracing-agent/register app.js (or --import, or NODE_OPTIONS).
   *
   * Old syntax only: a Node.js that is too old for the agent must be able to read this file, say so, and run the program.
   */
;(function () {
  var MINIMUM = [20, 6]
  var GUARD = Symbol.for('tracing-agent')
  var PACKAGE_MANAGERS = { npm: 1, npx: 1, pnpm: 1, pnpx: 1, yarn: 1, yarnpkg: 1, corepack: 1 }

  function say(sentence) {
    var level = process.env.OTEL_LOG_LEVEL
    if (typeof level === 'string' && /^(none|off)$/i.test(level.trim())) return
    try {
      // biome-ignore lint/style/useNodejsImportProtocol: unknown to the versions that this sentence is for
      require('fs').writeSync(2, 'tracing-agent: ' + sentence + '\n')
    } catch (_error) {
      // A closed stderr is no reason to trouble the program.
    }
  }

  /** The program is a package manager itself; what it starts inherits NODE_OPTIONS and is traced. */
  function isPackageManager(file) {
    if (typeof file !== 'string') return false
    var parts = file.split(/[\\/]/)
    var name = parts.pop().replace(/\.[cm]?js$/, '')
    if (Object.hasOwn(PACKAGE_MANAGERS, name)) return true
    return /[\\/]node_modules[\\/](npm|pnpm|corepack|yarn)[\\/]/.test(file) && /-cli$/.test(name)
  }

  function isSupported(version) {
    var numbers = version.split('.')
    var major = Number(numbers[0])
    return major > MINIMUM[0] || (major === MINIMUM[0] && Number(numbers[1]) >= MINIMUM[1])
  }

  var other = global[GUARD]
  var agent
  try {
    if (isPackageManager(process.argv[1])) return
    if (!isSupported(process.versions.node)) {
      say(
        'needs Node.js ' +
          MINIMUM.join('.') +
          ' or newer and this is ' +
          process.version +
          '; the program runs untraced',
      )
      return
    }
    if (other !== undefined) {
      if (other.file !== __filename) say(__filename + ' stays away: ' + other.file + ' is loaded already')
      return
    }
    Object.defineProperty(global, GUARD, { configurable: true, value: { file: __filename } })
    try {
      agent = require('./build/src/register.js')
    } catch (error) {
      if (error && error.code === 'MODULE_NOT_FOUND' && /build[\\/]src[\\/]register\.js/.test(error.message)) {
        say('build/ is missing, run "npm run build" in ' + __dirname + '; the program runs untraced')
        return
      }
      throw error
    }
    agent.start()
  } catch (error) {
    say('could not start (' + (error && error.message) + '); the program runs untraced')
  }
})()
