const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))

const client = new pkg_test.GrpcTester(`127.0.0.1:${process.env.CLOSED_PORT}`, grpc.credentials.createInsecure())
client.unaryMethod({ num: 1 }, error => {
  console.log(error.code, error.name, error instanceof Error)
  client.close()
})
