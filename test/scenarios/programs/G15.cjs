const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const http = require('node:http')

const server = new grpc.Server()
let client
server.addService(pkg_test.GrpcTester.service, {
  UnaryMethod(call, callback) {
    if (call.request.num === 0) return callback(null, { num: 42 })
    http.get(`${process.argv[2]}/from-the-handler`, res => {
      res.resume().on('end', () => client.unaryMethod({ num: 0 }, callback))
    })
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  client.unaryMethod({ num: 1 }, (error, reply) => {
    console.log(error, reply.num)
    client.close()
    server.tryShutdown(() => {})
  })
})
