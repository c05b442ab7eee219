const express = require('express')

const app = express()
const five = !express.application.del
app.get(/^\/re-(\d+)$/, (req, res) => res.send(`regex ${req.params[0]}`))
app.get(['/one/:a', '/two/:a'], (req, res) => res.send(`array ${req.params.a}`))
app.get(five ? '/files/*path' : '/files/*', (_req, res) => res.send('wildcard'))

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
