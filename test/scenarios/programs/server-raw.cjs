const http = require('node:http')

const server = http.createServer((req, res) => {
  let body = ''
  req.on('data', chunk => {
    body += chunk
  })
  req.on('end', () => {
    res.writeHead(200, 'Fine', ['X-A', '1', 'X-A', '2'])
    res.end(`${req.method} ${req.url} ${body} ${Object.keys(req.headers).join()} ${req.rawHeaders.length}`)
  })
})
server.on('clientError', (error, socket) => {
  console.log('clientError', error.code)
  socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
})
server.on('upgrade', (req, socket, head) => {
  console.log('upgrade', req.headers.upgrade, head.length)
  socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nraw')
})
server.on('connect', (req, socket) => {
  console.log('connect', req.url)
  socket.end('HTTP/1.1 200 OK\r\n\r\ntunnel')
})
server.on('checkContinue', (req, res) => {
  res.writeContinue()
  server.emit('request', req, res)
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
