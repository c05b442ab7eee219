const express = require('express')

const app = express()
const five = !express.application.del
app.all(five ? '/*all' : '*', (_req, _res, next) => next())
app.use((_req, _res, next) => setImmediate(next))
app.get('/toto/:id', (req, res) => res.send(req.params.id))

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
