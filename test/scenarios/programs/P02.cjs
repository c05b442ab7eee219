const http = require('node:http')

let handled = 0
process.on('SIGTERM', signal => {
  console.log('handler', signal, ++handled, process.listenerCount('SIGTERM'))
  clearInterval(alive)
  setTimeout(() => process.exit(7), 100)
})
const alive = setInterval(() => {}, 1000)
http.get(`${process.argv[2]}/x`, res => res.resume().on('end', () => console.log('ready')))
