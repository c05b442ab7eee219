// A small shop in one process: an express front, a plain http stock, and a gRPC price list. One order fails.
const http = require('node:http')
const { once } = require('node:events')
const grpc = require('@grpc/grpc-js')
const express = require('express')

const text = {
  requestSerialize: Buffer.from,
  requestDeserialize: String,
  responseSerialize: Buffer.from,
  responseDeserialize: String,
}
const Prices = { Get: { path: '/shop.Prices/Get', requestStream: false, responseStream: false, ...text } }

async function main() {
  const stock = http.createServer((request, response) => {
    response.statusCode = request.url.startsWith('/none') ? 404 : 200
    setTimeout(() => response.end('7'), 5)
  })
  stock.listen(0, '127.0.0.1')
  await once(stock, 'listening')
  const stockUrl = `http://127.0.0.1:${stock.address().port}`

  const prices = new grpc.Server()
  prices.addService(Prices, {
    Get: (call, reply) =>
      call.request === 'none' ? reply({ code: grpc.status.NOT_FOUND, details: 'no price' }) : reply(null, '12'),
  })
  const pricePort = await new Promise((resolve, reject) =>
    prices.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  )
  const Client = grpc.makeGenericClientConstructor(Prices, 'Prices')
  const priceList = new Client(`127.0.0.1:${pricePort}`, grpc.credentials.createInsecure())
  const price = item =>
    new Promise((resolve, reject) => priceList.Get(item, (error, value) => (error ? reject(error) : resolve(value))))

  const app = express()
  app.get('/orders/:id', async (request, response) => {
    const count = await fetch(`${stockUrl}/items/${request.params.id}?sig=secret`).then(reply => reply.text())
    response.json({ count, price: await price('item') })
  })
  app.get('/broken', (_request, _response) => {
    throw new RangeError('the till is empty')
  })
  app.get('/missing', (_request, response) => {
    http.get(`${stockUrl}/none`, reply => {
      reply.resume()
      reply.on('end', () => price('none').catch(() => response.status(404).end()))
    })
  })
  app.use((error, _request, response, _next) => response.status(500).end(error.message))
  const front = app.listen(0, '127.0.0.1')
  await once(front, 'listening')
  const frontUrl = `http://127.0.0.1:${front.address().port}`

  for (const path of ['/orders/1', '/orders/2', '/broken', '/missing'])
    await fetch(frontUrl + path).then(reply => reply.text())

  front.close()
  front.closeAllConnections()
  stock.close()
  stock.closeAllConnections()
  priceList.close()
  prices.forceShutdown()
}

main()
