const express = require('express')

const app = express()
const tenant = express.Router({ mergeParams: true })
tenant.get('/', (req, res) => res.send(req.params.tenant))
tenant.get('/orders/:order', (req, res) => res.send(`${req.params.tenant} ${req.params.order}`))
tenant.use(
  '/deep',
  express.Router().get('/er', (_req, res) => res.send('deep')),
)
app.use('/t/:tenant', tenant)
app.use(
  ['/a', '/b'],
  express.Router().get('/c', (req, res) => res.send(req.baseUrl)),
)
app.get('/', (_req, res) => res.send('root'))
app.get('/many', (_req, _res, next) => next(), [(_req, _res, next) => next(), (_req, res) => res.send('many')])
app.post('/many', express.json(), (req, res) => res.json(req.body))

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
