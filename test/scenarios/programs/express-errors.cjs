const express = require('express')

process.env.NODE_ENV = 'production'
const app = express()
const wait = () => new Promise(resolve => setTimeout(resolve, 5))
app.get('/sync', () => {
  throw new Error('sync')
})
app.get('/next', (_req, _res, next) => next(new RangeError('next')))
app.get('/async', (_req, _res, next) => wait().then(() => next(new TypeError('async'))))
app.get('/status', (_req, _res, next) => next(Object.assign(new Error('teapot'), { status: 418 })))
app.get('/string', (_req, _res, next) => next('not an Error'))
app.get('/handled', (_req, _res, next) => next(new Error('handled')))
app.use('/handled', (error, _req, res, next) => {
  if (error.message !== 'handled') return next(error)
  res.status(409).send('conflict')
})

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
