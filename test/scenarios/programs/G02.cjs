const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  ClientStreamMethod(call, callback) {
    let num = 0
    call.on('data', message => {
      num += message.num
    })
    call.on('end', () => callback(null, { num }))
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const call = client.clientStreamMethod((error, reply) => {
    console.log(error, reply)
    client.close()
    server.tryShutdown(() => console.log('shut down'))
  })
  for (const num of [1, 2, 3]) call.write({ num })
  call.end()
})
