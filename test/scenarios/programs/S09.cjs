const http = require('node:http')

const server = http.createServer((req, res) => {
  const wait = { '/1': 120, '/2': 60, '/3': 0 }[req.url]
  setTimeout(() => {
    http.get(`${process.argv[2]}/for${req.url}`, inner => {
      inner.resume().on('end', () => res.end(`answer ${req.url}`))
    })
  }, wait)
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
