const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const server = new grpc.Server()
server.addService(pkg_test.GrpcTester.service, {
  UnaryMethod(call, callback) {
    const initial = new grpc.Metadata()
    initial.set('initial', 'i')
    call.sendMetadata(initial)
    const trailer = new grpc.Metadata()
    trailer.set('trailing', 't')
    callback(null, { num: 1 }, trailer)
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const call = client.unaryMethod({ num: 1 }, (error, reply) => console.log(error, reply))
  call.on('metadata', metadata => console.log('metadata', metadata.get('initial')))
  call.on('status', ({ code, metadata }) => {
    console.log('status', code, metadata.get('trailing'), typeof call.cancel, call.getPeer() === `127.0.0.1:${port}`)
    client.close()
    server.tryShutdown(() => {})
  })
})
