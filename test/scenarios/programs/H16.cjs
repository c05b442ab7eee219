const http = require('node:http')

const order = []
const req = http.request(`${process.argv[2]}/status/500`)
req.on('response', res => {
  order.push('on')
  res.resume()
})
req.once('response', () => order.push('once'))
setImmediate(() => req.prependListener('response', () => order.push('late, first')))
req.on('close', () => console.log(order.join(), req.listenerCount('response'), req.eventNames().map(String).join()))
req.end()
