// An HTTP server that answers after one http.get and one fetch to another server (BENCH_BACKEND).
const http = require('node:http')

const backend = process.env.BENCH_BACKEND
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })

function get(url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, { agent }, response => {
        response.resume()
        response.on('end', resolve)
      })
      .on('error', reject)
  })
}

const server = http.createServer(async (_request, response) => {
  await Promise.all([get(`${backend}/a`), fetch(`${backend}/b`).then(reply => reply.text())])
  response.end('done')
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
