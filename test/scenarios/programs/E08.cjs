const express = require('express')

const app = express()
app.param('id', (req, _res, next, id) => {
  req.seen = `app.param ${id}`
  next()
})
app.get(
  '/p/:id',
  (req, _res, next) => (req.params.id === 'skip' ? next('route') : next()),
  (req, res) => res.send(req.seen),
)
app.get('/p/:other', (req, res) => res.send(`other ${req.params.other}`))
const left = express.Router()
left.param('id', (_req, _res, next) => next())
left.use((_req, _res, next) => next('router'))
left.get('/z', (_req, res) => res.send('never'))
const right = express.Router()
right.get('/z', (_req, res) => res.send('right'))
app.use('/r', left)
app.use('/r', right)

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
