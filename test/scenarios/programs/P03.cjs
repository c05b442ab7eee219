const http = require('node:http')

setInterval(() => {}, 1000)
http.get(`${process.argv[2]}/x`, res =>
  res.resume().on('end', () => setImmediate(() => console.log('ready', process.listenerCount('SIGHUP')))),
)
