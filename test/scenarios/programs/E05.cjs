const express = require('express')

const app = express()
app.use(function passesOn(_req, _res, next) {
  next()
})
app.get('/known', (_req, res) => res.send('known'))

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
