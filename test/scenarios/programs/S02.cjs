const http = require('node:http')

const server = http.createServer((req, res) => res.end(`hello ${req.url}`))
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
