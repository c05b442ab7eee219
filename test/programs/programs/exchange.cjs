// An Express server whose handler calls a gRPC server: run as it is, in a bundle, and as TypeScript, of modules of both kinds.
module.exports = function exchange(http, grpc, express) {
  const pass = value => value
  const forms = { requestSerialize: pass, requestDeserialize: pass, responseSerialize: pass, responseDeserialize: pass }
  const service = { Echo: { path: '/test.Echo/Echo', requestStream: false, responseStream: false, ...forms } }
  const backend = new grpc.Server()
  backend.addService(service, { Echo: (call, callback) => callback(null, call.request) })
  backend.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, grpcPort) => {
    const Client = grpc.makeGenericClientConstructor(service, 'Echo')
    const client = new Client(`127.0.0.1:${grpcPort}`, grpc.credentials.createInsecure())
    const app = express()
    app.get('/items/:id', (request, response) => {
      client.Echo(Buffer.from(request.params.id), (_failure, reply) => response.send(String(reply)))
    })
    const server = app.listen(0, '127.0.0.1', () => {
      http.get({ host: '127.0.0.1', port: server.address().port, path: '/items/one', agent: false }, response => {
        response.on('data', data => console.log(response.statusCode, String(data)))
        response.on('end', () => {
          server.close()
          client.close()
          backend.tryShutdown(() => {})
        })
      })
    })
  })
}
