const http = require('node:http')

let pending
process.on('uncaughtException', (error, origin) => {
  console.log(error.name, error.message, origin)
  if (pending.url === '/answered') pending.res.writeHead(500).end('sorry')
})
const server = http.createServer((req, res) => {
  pending = { url: req.url, res }
  throw new TypeError('the handler broke')
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
