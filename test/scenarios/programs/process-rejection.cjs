const http = require('node:http')

http.get(`${process.argv[2]}/x`, res =>
  res.resume().on('end', () => setImmediate(() => Promise.reject(new Error('nobody handles this')))),
)
