const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  UnaryMethod(call, callback) {
    console.log('server got', call.metadata.get('own').join())
    callback(null, { num: call.request.num })
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const metadata = new grpc.Metadata()
  metadata.set('own', 'value')
  const before = JSON.stringify(metadata.getMap())
  client.unaryMethod({ num: 1 }, metadata, () => {
    console.log(JSON.stringify(metadata.getMap()) === before)
    client.unaryMethod({ num: 2 }, metadata, () => {
      console.log(JSON.stringify(metadata.getMap()), metadata instanceof grpc.Metadata)
      client.close()
      server.tryShutdown(() => {})
    })
  })
})
