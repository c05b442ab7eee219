const express = require('express')

const app = express()
app.get('/slow', (req, res) => {
  req.on('close', () => console.log('closed', res.writableFinished))
  setTimeout(() => res.send('too late'), 300)
})

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
