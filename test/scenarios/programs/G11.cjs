const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  UnaryMethod: (call, callback) => callback(null, { num: call.request.num }),
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  client.unaryMethod({ num: 1 }, (_first, reply) => {
    console.log(reply.num)
    client.unaryMethod({ num: 2 }, (_second, other) => {
      console.log(other.num)
      client.close()
      server.tryShutdown(() => {})
    })
  })
})
