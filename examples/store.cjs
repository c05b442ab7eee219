// A gRPC service that stands in for a database: it knows three items, and takes its time.
const path = require('node:path')
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const { demo } = grpc.loadPackageDefinition(loader.loadSync(path.join(__dirname, 'store.proto')))
const STOCK = { apple: 12, pear: 3, plum: 0 }

const server = new grpc.Server()
server.addService(demo.Store.service, {
  Find({ request: { item } }, callback) {
    setTimeout(
      () => {
        if (Object.hasOwn(STOCK, item)) callback(null, { item, stock: STOCK[item] })
        else callback({ code: grpc.status.NOT_FOUND, details: `no ${item} here` })
      },
      5 + Math.random() * 20,
    )
  },
})

server.bindAsync(`127.0.0.1:${process.env.PORT ?? 0}`, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  console.log(`listening on 127.0.0.1:${port}`)
})
