const http = require('node:http')

const { hostname, port } = new URL(process.argv[2])
const headers = ['Host', `${hostname}:${port}`, 'X-Multi', 'a', 'X-Multi', 'b', 'X-Case', 'Kept']
const req = http.request({ hostname, port, path: '/raw', headers }, res => {
  console.log(res.statusCode)
  res.resume()
})
req.end()
console.log(headers.length)
