const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  UnaryMethod(call, callback) {
    callback({ code: call.request.num, details: `code ${call.request.num}` })
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const next = num => {
    if (num > 16) {
      client.close()
      server.tryShutdown(() => {})
      return
    }
    client.unaryMethod({ num }, (error, reply) => {
      console.log(error.code, error.details, error.message, reply)
      next(num + 1)
    })
  }
  next(1)
})
