'use strict'
// One exchange with a library, whatever its version: node versions.cjs <package>. The package is found from PACKAGES.
const http = require('node:http')
const { createRequire } = require('node:module')

const find = createRequire(`${process.env.PACKAGES}/package.json`)

function serve(handler, use) {
  const server = http.createServer(handler)
  server.listen(0, '127.0.0.1', () =>
    use(server.address().port, () => {
      server.closeAllConnections()
      server.close()
    }),
  )
}

function get(port, done) {
  http.get({ host: '127.0.0.1', port, path: '/items/1', agent: false }, response => {
    let text = ''
    response.on('data', data => {
      text += data
    })
    response.on('end', () => {
      console.log(response.statusCode, text)
      // Express 4.6 needs what newer versions of Node no longer have.
      if (response.statusCode !== 200) process.exitCode = 1
      done()
    })
  })
}

const libraries = {
  express() {
    const express = find('express')
    const app = express()
    app.get('/items/:id', (request, response) => response.send(`item ${request.params.id}`))
    serve(app, get)
  },
  router() {
    const router = find('router')()
    router.get('/items/:id', (request, response) => response.end(`item ${request.params.id}`))
    serve((request, response) => router(request, response, () => response.end('none')), get)
  },
  undici() {
    const { request } = find('undici')
    serve(
      (incoming, response) => response.end(incoming.url),
      async (port, done) => {
        const { body, statusCode } = await request(`http://127.0.0.1:${port}/items/1`)
        let text = ''
        for await (const chunk of body) text += chunk
        console.log(statusCode, text)
        done()
      },
    )
  },
  '@grpc/grpc-js'() {
    const grpc = find('@grpc/grpc-js')
    const pass = value => value
    const method = {
      requestSerialize: pass,
      requestDeserialize: pass,
      responseSerialize: pass,
      responseDeserialize: pass,
    }
    const service = { Echo: { path: '/test.Echo/Echo', requestStream: false, responseStream: false, ...method } }
    const server = new grpc.Server()
    server.addService(service, { Echo: (call, callback) => callback(null, call.request) })
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
      if (!server.started) server.start()
      const Client = grpc.makeGenericClientConstructor(service, 'Echo')
      const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
      client.Echo(Buffer.from('hello'), (error, reply) => {
        console.log(error, String(reply))
        client.close()
        server.tryShutdown(() => {})
      })
    })
  },
}

libraries[process.argv[2]]()
