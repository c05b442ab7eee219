const grpc = require('@grpc/grpc-js')
const { HealthImplementation, service } = require('grpc-health-check')

const health = new HealthImplementation({ shop: 'SERVING' })
const server = new grpc.Server()
health.addToServer(server)
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const Health = grpc.makeGenericClientConstructor(service, 'Health')
  const client = new Health(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  client.check({ service: 'shop' }, (_failed, reply) => {
    console.log(reply.status)
    client.check({ service: 'unknown' }, error => {
      console.log(error.code)
      client.close()
      server.tryShutdown(() => {})
    })
  })
})
