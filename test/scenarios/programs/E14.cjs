const express = require('express')

const app = express()
function middleware(_req, _res, next) {
  next()
}
middleware.custom = { any: 'thing' }
const handler = async function named(req, res) {
  const layers = (app._router ?? app.router).stack
  const { route } = layers.find(layer => layer.route)
  const [kept] = route.stack.map(layer => layer.handle)
  console.log(kept === handler, kept.name, kept.length, kept.custom)
  const used = layers.find(layer => layer.handle === middleware || layer.handle.custom)
  console.log(used.handle === middleware, used.name, used.handle.length, JSON.stringify(used.handle.custom))
  console.log(layers.map(layer => layer.name).join(), Object.keys(route).join())
  console.log(Object.keys(req).includes('span'), req.listenerCount('close'), res.listenerCount('finish'))
  res.send(req.route.path)
}
handler.custom = 'own'
console.log(app.use(middleware) === app, app.get('/m/k', handler) === app)
console.log(express.Router.length, express.Router.name, Object.keys(express).sort().join())
console.log(app.use.length, app.get.length, app.handle.length, app.listen.name)

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
