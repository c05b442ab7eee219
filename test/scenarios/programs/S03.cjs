const http = require('node:http')

const server = http.createServer((_req, res) => {
  http.get(`${process.argv[2]}/onward`, inner => {
    inner.resume().on('end', () => res.end('done'))
  })
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
