const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  ServerStreamMethod(call) {
    for (let i = 1; i <= 3; i++) call.write({ num: call.request.num * i })
    call.end()
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const call = client.serverStreamMethod({ num: 5 })
  call.on('data', ({ num }) => console.log('data', num))
  call.on('status', ({ code }) => console.log('status', code))
  call.on('end', () => {
    console.log('end')
    client.close()
    server.tryShutdown(() => console.log('shut down'))
  })
})
