const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  ServerStreamMethod(call) {
    const timer = setInterval(() => call.write({ num: 1 }), 5)
    call.on('cancelled', () => {
      clearInterval(timer)
      console.log('server cancelled', call.cancelled)
    })
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const call = client.serverStreamMethod({ num: 1 })
  let seen = 0
  call.on('data', () => {
    if (++seen === 3) call.cancel()
  })
  call.on('error', error => {
    console.log(error.code, error.details)
    setTimeout(() => {
      client.close()
      server.forceShutdown()
    }, 50)
  })
})
