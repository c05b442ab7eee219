const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  UnaryMethod(call, callback) {
    if (call.request.num === 1) callback(new Error('plain'))
    else callback({ code: grpc.status.PERMISSION_DENIED, details: 'no' })
  },
  ServerStreamMethod(call) {
    call.write({ num: 1 })
    call.emit('error', { code: grpc.status.DATA_LOSS, details: 'half of it' })
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const unknown = grpc.makeGenericClientConstructor({
    Nope: { ...pkg_test.GrpcTester.service.UnaryMethod, path: '/pkg_test.GrpcTester/Nope' },
  })
  const other = new unknown(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  client.unaryMethod({ num: 1 }, first => {
    console.log(first.code, first.details)
    client.unaryMethod({ num: 2 }, second => {
      console.log(second.code, second.details)
      const call = client.serverStreamMethod({ num: 3 })
      call.on('data', ({ num }) => console.log('data', num))
      call.on('error', third => {
        console.log(third.code, third.details)
        other.Nope({ num: 4 }, fourth => {
          console.log(fourth.code)
          client.close()
          other.close()
          server.tryShutdown(() => {})
        })
      })
    })
  })
})
