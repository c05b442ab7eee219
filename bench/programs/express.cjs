// Express with three middlewares, a router, and a JSON answer.
const express = require('express')

const app = express()
app.disable('x-powered-by')
app.set('etag', false)
app.use(function first(_request, _response, next) {
  next()
})
app.use(function second(request, _response, next) {
  request.startedAt = 0
  next()
})
app.use(express.json())
const router = express.Router()
router.get('/users/:id', (request, response) => {
  response.json({ id: request.params.id, name: 'somebody', tags: ['a', 'b', 'c'] })
})
app.use('/api', router)
const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
server.keepAliveTimeout = 60_000
