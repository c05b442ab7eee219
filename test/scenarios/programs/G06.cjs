const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  UnaryMethod(call, callback) {
    // Emitted when the caller's reset comes before the deadline of the server itself: either may be first.
    call.on('cancelled', () => {})
    setTimeout(() => callback(null, { num: 1 }), 400)
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  client.unaryMethod({ num: 1 }, { deadline: Date.now() + 100 }, error => {
    console.log(error.code, /^(Deadline exceeded|DEADLINE)/i.test(error.details))
    setTimeout(() => {
      client.close()
      server.tryShutdown(() => {})
    }, 500)
  })
})
