const express = require('express')

const app = express()
let passed = 0
for (let i = 0; i < 3000; i++) {
  app.use((_req, _res, next) => {
    passed++
    next()
  })
}
app.get('/l', (_req, res) => res.send(String(passed)))

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
