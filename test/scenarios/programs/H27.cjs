const http = require('node:http')

http.get({ socketPath: process.env.PEER_SOCKET, path: '/over-a-socket' }, res => {
  console.log(res.statusCode)
  res.resume()
})
