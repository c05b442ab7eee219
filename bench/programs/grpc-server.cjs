// A gRPC server with one unary method.
const grpc = require('@grpc/grpc-js')

const service = {
  Say: {
    path: '/bench.Echo/Say',
    requestStream: false,
    responseStream: false,
    requestSerialize: Buffer.from,
    requestDeserialize: String,
    responseSerialize: Buffer.from,
    responseDeserialize: String,
  },
}
const server = new grpc.Server()
server.addService(service, { Say: (call, reply) => reply(null, call.request) })
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  console.log(`port ${port}`)
})
