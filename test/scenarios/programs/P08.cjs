const cluster = require('node:cluster')
const http = require('node:http')

if (cluster.isPrimary) {
  let listening = 0
  let exited = 0
  for (let i = 0; i < 2; i++) {
    cluster.fork().on('listening', address => {
      if (++listening === 2) console.log('port', address.port)
    })
  }
  cluster.on('exit', (_worker, code, signal) => {
    console.log('worker ended', code, signal)
    if (++exited === 2) console.log('all ended')
  })
  process.stdin.on('end', () => cluster.disconnect()).resume()
} else {
  http.createServer((req, res) => res.writeHead(200, { connection: 'close' }).end(req.url)).listen(0, '127.0.0.1')
}
