const express = require('express')
const { AsyncLocalStorage } = require('node:async_hooks')

const storage = new AsyncLocalStorage()
const app = express()
app.use((req, _res, next) => storage.run({ id: req.query.id }, next))
app.get('/s/:name', (req, res) => {
  const inHandler = storage.getStore().id
  res.on('finish', () => console.log('finish', storage.getStore()?.id))
  setTimeout(() => res.send(`${inHandler} ${storage.getStore().id}`), 20)
})

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
