'use strict'
// Programs that watch Node themselves: channels, async hooks, storages, performance entries, domains, warnings, wrappers.
const { AsyncLocalStorage, AsyncResource, createHook } = require('node:async_hooks')
const channels = require('node:diagnostics_channel')
const domain = process.argv[2] === 'domain' ? require('node:domain') : undefined
const events = require('node:events')
const http = require('node:http')
const { PerformanceObserver } = require('node:perf_hooks')
const { get, kind, once, print, raw, run, serve, sleep, tell, thrown, watch } = require('./cases.cjs')

const hello = (_request, response) => response.end('hello')

const observers = {
  'async hooks': async () => {
    const kinds = new Map()
    const order = []
    const hook = createHook({
      init(id, type, trigger) {
        kinds.set(id, type)
        if (/HTTP|TCP|PIPE/.test(type)) order.push(`init ${type} < ${kinds.get(trigger) ?? 'before'}`)
      },
      before(id) {
        if (/HTTP/.test(kinds.get(id))) order.push(`before ${kinds.get(id)}`)
      },
      destroy(id) {
        if (/HTTP/.test(kinds.get(id))) order.push(`destroy ${kinds.get(id)}`)
      },
    })
    await serve(hello, async port => {
      hook.enable()
      const agent = new http.Agent({ keepAlive: true })
      for (let i = 0; i < 3; i++) print((await get({ port, agent })).text)
      agent.destroy()
      // Node tells of the end of a handle some turns later, on a busy machine many.
      const count = what => order.filter(line => line.startsWith(`${what} HTTP`)).length
      for (let i = 0; i < 100 && (i < 2 || count('destroy') < count('init')); i++) await sleep(20)
      hook.disable()
    })
    const counts = {}
    // Left out is what an agent cannot do without: a timer that sends, and random bytes.
    for (const type of kinds.values()) {
      if (!/PROMISE|TickObject|Immediate|Timeout|RANDOMBYTES/.test(type)) counts[type] = (counts[type] ?? 0) + 1
    }
    print(order.join('\n'))
    print(Object.entries(counts).sort().join(' '))
  },
  storages: async () => {
    const storage = new AsyncLocalStorage()
    await serve(
      (request, response) => {
        print('handler', storage.getStore())
        storage.run('in handler', () => setTimeout(() => response.end(String(storage.getStore())), 5))
        request.on('close', () => print('request close', storage.getStore()))
        response.on('finish', () => print('response finish', storage.getStore()))
        response.on('close', () => print('response close', storage.getStore()))
      },
      async (port, server) => {
        server.on('connection', socket => {
          print('connection', storage.getStore())
          socket.on('close', () => print('socket close', storage.getStore()))
        })
        const agent = new http.Agent({ keepAlive: true })
        for (const store of ['one', 'two']) {
          await storage.run(store, async () => {
            const request = http.get({ port, agent }, response => {
              print('response', storage.getStore())
              response.on('data', () => print('data', storage.getStore()))
              response.on('end', () => print('end', storage.getStore()))
            })
            request.on('socket', socket => {
              print('socket', storage.getStore())
              socket.once('connect', () => print('connect', storage.getStore()))
            })
            request.on('finish', () => print('finish', storage.getStore()))
            request.on('close', () => print('close', storage.getStore()))
            await once(request, 'close')
          })
        }
        agent.destroy()
        const failed = storage.run('failed', () => http.get({ port: 1, host: '127.0.0.1' }))
        failed.on('error', () => print('error', storage.getStore()))
        await once(failed, 'close')
        storage.enterWith('entered')
        print(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
        print(storage.getStore(), AsyncResource.bind(() => storage.getStore())())
        storage.disable()
      },
    )
  },
  channels: async () => {
    const names = [
      'http.client.request.created',
      'http.client.request.start',
      'http.client.request.error',
      'http.client.response.finish',
      'http.server.request.start',
      'http.server.response.created',
      'http.server.response.finish',
      'net.client.socket',
      'net.server.socket',
      'undici:request:create',
      'undici:client:sendHeaders',
      'undici:request:headers',
      'undici:request:trailers',
      'undici:request:error',
    ]
    const said = (message, channel) => print(channel, Object.keys(message).sort().join())
    for (const name of names) channels.subscribe(name, said)
    await serve(hello, async port => {
      await get({ port, agent: false })
      const failed = http.get({ port: 1, host: '127.0.0.1' }).on('error', () => {})
      await once(failed, 'close')
      const response = await fetch(`http://127.0.0.1:${port}/`)
      print(await response.text())
      await fetch('http://127.0.0.1:1/').catch(error => print(tell(error), error.cause?.code))
    })
    const angry = () => {
      channels.unsubscribe('http.server.request.start', angry)
      throw new Error('a subscriber of the program')
    }
    channels.subscribe('http.server.request.start', angry)
    process.once('uncaughtException', error => print('uncaught', error.message))
    await serve(hello, async port => print((await get({ port, agent: false })).text))
    for (const name of names) channels.unsubscribe(name, said)
  },
  'performance entries': async () => {
    const entries = []
    const observer = new PerformanceObserver(list => entries.push(...list.getEntries()))
    observer.observe({ entryTypes: ['http', 'resource', 'net'] })
    await serve(hello, async port => {
      await get({ port, path: '/performance', agent: false })
      await (await fetch(`http://127.0.0.1:${port}/fetched`)).text()
      await sleep(20)
    })
    observer.disconnect()
    for (const { detail, entryType, name } of entries) {
      const { req, res } = detail ?? {}
      print(
        entryType,
        name.replace(/:\d+/, ''),
        req?.method,
        Object.keys(req?.headers ?? {}).join(),
        res?.statusCode,
        Object.keys(res?.headers ?? {}).join(),
      )
    }
  },
  'wrappers that the program makes': async () => {
    const { request: ownRequest, get: ownGet } = http
    const { emit } = http.Server.prototype
    const { end } = http.ServerResponse.prototype
    const { addRequest } = http.Agent.prototype
    http.request = function request(...args) {
      print('request', args.length)
      return ownRequest.apply(this, args)
    }
    http.Server.prototype.emit = function (event, ...args) {
      print('emit', String(event))
      return emit.call(this, event, ...args)
    }
    http.ServerResponse.prototype.end = function (...args) {
      print('end', args.map(kind).join())
      return end.apply(this, args)
    }
    http.Agent.prototype.addRequest = function (...args) {
      print('addRequest', args.length, this === http.globalAgent)
      return addRequest.apply(this, args)
    }
    await serve(hello, async port => {
      const [response] = await once(http.get({ port, host: '127.0.0.1' }), 'response')
      response.resume()
      await once(response, 'close')
    })
    http.request = ownRequest
    http.get = ownGet
    http.Server.prototype.emit = emit
    http.ServerResponse.prototype.end = end
    http.Agent.prototype.addRequest = addRequest
    delete http.Server.prototype.emit
  },
  'classes that the program derives': async () => {
    class Request extends http.IncomingMessage {
      get own() {
        return this.url
      }
    }
    class Response extends http.ServerResponse {
      end(...args) {
        print('own end', args.length)
        return super.end(...args)
      }
    }
    class Server extends http.Server {
      emit(event, ...args) {
        print('own emit', String(event))
        return super.emit(event, ...args)
      }
    }
    const server = new Server({ IncomingMessage: Request, ServerResponse: Response }, (request, response) => {
      print(request.own, request instanceof Request, Object.keys(request).length)
      response.end('ok')
    })
    server.listen(0)
    await once(server, 'listening')
    const { port } = server.address()
    print((await get({ port, agent: false })).text)
    class Client extends http.ClientRequest {
      onSocket(socket) {
        print('own onSocket', Object.keys(socket).length)
        return super.onSocket(socket)
      }
      destroy(error) {
        print('own destroy', error?.message)
        return super.destroy(error)
      }
    }
    const request = watch('client', new Client({ port, agent: false })).end()
    const [response] = await once(request, 'response')
    response.resume()
    await once(request, 'close')
    server.close()
  },
  'listeners that throw': async () => {
    const caught = []
    process.on('uncaughtException', (error, origin) => caught.push([tell(error), origin]))
    await serve(
      (request, response) => {
        if (request.url === '/throw') throw new Error('handler')
        if (request.url === '/reject') Promise.reject(new TypeError('rejected'))
        request.on('end', () => {
          if (request.url === '/end') throw new RangeError('end')
        })
        request.resume()
        response.end('ok')
      },
      async (port, server) => {
        for (const path of ['/throw', '/reject', '/end']) {
          print(path, await raw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, 100))
        }
        http.get({ port, agent: false }, () => {
          throw new Error('response')
        })
        await sleep(40)
        http.get({ port: 1, host: '127.0.0.1' }).on('error', () => {
          throw new Error('error')
        })
        await sleep(40)
        server.once('upgrade', () => {
          throw new Error('upgrade')
        })
        await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n', 60)
        server.once('connection', () => {
          throw new Error('connection')
        })
        await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 60)
      },
    )
    process.removeAllListeners('uncaughtException')
    print(caught.map(([error, origin]) => `${error} ${origin}`).join('\n'))
  },
  'rejections that are captured': async () => {
    events.captureRejections = true
    await serve(
      async () => {
        throw new Error('async handler')
      },
      async (port, server) => {
        server.on('error', error => print('server', tell(error)))
        print(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 100))
        events.captureRejections = false
      },
    )
  },
  warnings: async () => {
    const warnings = []
    process.on('warning', warning => warnings.push(`${warning.name} ${warning.message}`))
    const request = http.get({ port: 1, host: '127.0.0.1' }).on('error', () => {})
    for (let i = 0; i < 12; i++) request.on('information', () => {})
    await serve(hello, async (_port, server) => {
      for (let i = 0; i < 11; i++) server.on('clientError', () => {})
    })
    await sleep(10)
    print(warnings)
  },
}

const domains = {
  domains: async () => {
    await serve(
      (request, response) => {
        print('handler in a domain', process.domain === undefined || process.domain === null)
        const inner = domain.create()
        inner.add(request)
        inner.on('error', error => {
          print('domain', error.message, error.domainThrown, process.domain === inner)
          response.statusCode = 500
          response.end('failed')
        })
        inner.run(() =>
          setTimeout(() => {
            throw new Error('in a domain')
          }, 5),
        )
      },
      async port => {
        const outer = domain.create()
        outer.on('error', error => print('outer', tell(error), error.domainEmitter?.constructor.name))
        const reply = outer.run(() => get({ port, agent: false }))
        print(
          (await reply).status,
          thrown('enter', () => outer.enter()),
          thrown('exit', () => outer.exit()),
        )
        outer.run(() => http.get({ port: 1, host: '127.0.0.1' }))
        await sleep(40)
        outer.run(() =>
          http.get({ port, agent: false }, () => {
            throw new Error('in a response')
          }),
        )
        await sleep(60)
      },
    )
  },
}

run(domain === undefined ? observers : domains)
