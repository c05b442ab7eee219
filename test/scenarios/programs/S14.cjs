const http = require('node:http')

const server = http.createServer((_req, res) => {
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  let count = 0
  const timer = setInterval(() => {
    res.write(`data: ${count++}\n\n`)
    if (count === 4) {
      clearInterval(timer)
      res.end()
    }
  }, 50)
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
