const http = require('node:http')

const server = http.createServer((req, res) => {
  if (req.method === 'HEAD') res.setHeader('content-length', 10).end('0123456789')
  else if (req.method === 'OPTIONS') res.writeHead(204, { allow: 'GET' }).end()
  else res.writeHead(304).end()
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
