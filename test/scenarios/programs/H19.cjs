const http = require('node:http')

const body = 'x'.repeat(1000)
const headers = { Expect: '100-continue', 'Content-Length': body.length }
const req = http.request(`${process.argv[2]}/upload`, { method: 'POST', headers })
req.on('continue', () => {
  console.log('continue')
  req.end(body)
})
req.on('response', res => {
  console.log(res.statusCode)
  res.on('data', chunk => console.log(String(chunk)))
})
console.log(Object.keys(headers).join())
