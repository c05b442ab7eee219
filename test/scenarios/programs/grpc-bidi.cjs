const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  UnaryMethod: (call, callback) => callback(null, { num: call.request.num * 2 }),
  BidiStreamMethod(call) {
    call.on('data', ({ num }) => call.write({ num: num * 10 }))
    call.on('end', () => call.end())
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  client.unaryMethod({ num: 4 }, (_failed, reply) => {
    console.log(reply.num)
    const call = client.bidiStreamMethod()
    call.on('data', ({ num }) => console.log('data', num))
    call.on('status', ({ code, details }) => console.log('status', code, details))
    call.on('end', () => {
      client.close()
      server.tryShutdown(() => console.log('shut down'))
    })
    for (const num of [1, 2, 3]) call.write({ num })
    call.end()
  })
})
