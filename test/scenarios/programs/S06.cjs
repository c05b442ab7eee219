const http = require('node:http')

const server = http.createServer((req, res) => {
  res.on('close', () => console.log('response closed', res.writableFinished))
  req.on('aborted', () => console.log('aborted'))
  setTimeout(() => res.end('too late'), 300)
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
