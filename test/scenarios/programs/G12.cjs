const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const serverInterceptor = (methodDescriptor, call) =>
  new grpc.ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMetadata(metadata, pass) {
          console.log('server saw', metadata.get('added'), methodDescriptor.path)
          metadata.set('by-server-interceptor', 'yes')
          pass(metadata)
        },
      })
    },
  })
const clientInterceptor = (options, nextCall) =>
  new grpc.InterceptingCall(nextCall(options), {
    start(metadata, listener, next) {
      metadata.set('added', 'by the client')
      next(metadata, {
        onReceiveMessage(message, pass) {
          pass({ num: message.num + 1 })
        },
      })
    },
  })
const server = new grpc.Server({ interceptors: [serverInterceptor] })
server.addService(pkg_test.GrpcTester.service, {
  UnaryMethod(call, callback) {
    console.log('handler saw', call.metadata.get('by-server-interceptor'))
    callback(null, { num: call.request.num })
  },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    interceptors: [clientInterceptor],
  })
  client.unaryMethod({ num: 1 }, (_failed, reply) => {
    console.log(reply.num)
    client.close()
    server.tryShutdown(() => {})
  })
})
