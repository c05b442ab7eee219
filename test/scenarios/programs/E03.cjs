const express = require('express')

const app = express()
app.get('/x', () => {
  throw new TypeError('the handler broke')
})
app.use((error, _req, res, _next) => {
  console.log(error.name, error.message)
  res.status(500).json({ error: error.message })
})

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
