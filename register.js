'use strict'
  /*
   * The agent, as one flag: node --require tracing-agent/register app.js (or --import, or NODE_OPTIONS).
   *
   * Old syntax only: a Node.js that is too old for the agent must be able to read this file, say so, and run the program.
   */
;(function () {
  var MINIMUM = [20, 6]
  var GUARD = Symbol.for('tracing-agent')
  var PACKAGE_MANAGER = /^(npm|npx|pnpm|pnpx|yarn|yarnpkg|corepack)$/
  // Their files: npm/bin/npm-cli.js, pnpm/bin/pnpm.cjs, yarn-v1.22.19/bin/yarn.js, .yarn/releases/yarn-4.1.0.cjs
  var PACKAGE_MANAGER_FILE =
    /[\\/](npm|pnpm|yarn|corepack|\.yarn)(-v?[\d.]+)?[\\/](bin|dist|lib|releases)[\\/](npm|npx|pnpm|pnpx|yarn|yarnpkg|corepack)(-cli|-[\d.]+)?\.[cm]?js$/

  function say(sentence) {
    var level = process.env.OTEL_LOG_LEVEL
    if (typeof level === 'string' && /^\s*(none|off)\s*$/i.test(level)) return
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
    return PACKAGE_MANAGER.test(file.split(/[\\/]/).pop()) || PACKAGE_MANAGER_FILE.test(file)
  }

  /** One of our own commands, such as `tracing-agent doctor`. */
  function isOwnCommand(file) {
    if (typeof file !== 'string') return false
    var path = file.replace(/\\/g, '/')
    if (/\/\.bin\/tracing-agent$/.test(path)) return true
    return path.indexOf(__dirname.replace(/\\/g, '/')) === 0 && /\/build\/(agent|src)\/cli\/main\.js$/.test(path)
  }

  function isSupported(version) {
    var numbers = version.split('.')
    var major = Number(numbers[0])
    return major > MINIMUM[0] || (major === MINIMUM[0] && Number(numbers[1]) >= MINIMUM[1])
  }

  /** A thread of Node.js itself that runs module loaders: no program of the user runs there. */
  function isLoaderThread() {
    // Only worker threads lack this function; the main thread is spared the loading of worker_threads.
    if (process.abort.disabled === undefined) return false
    // biome-ignore lint/style/useNodejsImportProtocol: unknown to versions that read this file
    var threads = require('worker_threads')
    return !threads.isMainThread && threads.parentPort === null
  }

  /** The bundle; in a checkout without one, the files that it is made of. */
  function load() {
    try {
      return require('./build/agent/register.js')
    } catch (error) {
      if (!error || error.code !== 'MODULE_NOT_FOUND' || !/build[\\/]agent[\\/]register\.js/.test(error.message))
        throw error
      return require('./build/src/register.js')
    }
  }

  var other = global[GUARD]
  var agent
  var stack
  try {
    if (isPackageManager(process.argv[1]) || isOwnCommand(process.argv[1])) return
    if (!isSupported(process.versions.node)) {
      say(
        'needs Node.js ' + MINIMUM.join('.') + ' or newer, this is ' + process.version + '; the program runs untraced',
      )
      return
    }
    if (isLoaderThread()) return
    if (other !== undefined) {
      if (other.file !== __filename) say(__filename + ' stays away: ' + other.file + ' is loaded already')
      return
    }
    Object.defineProperty(global, GUARD, { configurable: true, value: { file: __filename } })
    try {
      agent = load()
    } catch (error) {
      if (error && error.code === 'MODULE_NOT_FOUND' && /build[\\/]src[\\/]register\.js/.test(error.message)) {
        say(__dirname + '/build is missing, "npm run build" makes it; the program runs untraced')
        return
      }
      throw error
    }
    agent.start()
  } catch (error) {
    // The message and where it happened, in one line.
    stack = String((error && error.stack) || error).split('\n')
    say('could not start (' + stack.slice(0, 2).join(' ').replace(/ +/g, ' ') + '); the program runs untraced')
  }
})()
