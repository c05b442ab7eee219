const http = require('node:http')

const server = new http.Server({ keepAlive: true })
server.listen(0, '127.0.0.1', () => {
  server.on('request', () => console.log('first', server.listenerCount('request')))
  server.once('request', () => console.log('once'))
  server.on('request', (_req, res) => res.end('second'))
  console.log('port', server.address().port)
})
process.stdin.on('end', () => server.close()).resume()
