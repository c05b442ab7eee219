const express = require('express')

const app = express()
const sub = express()
sub.get('/x/:k', (req, res) => {
  console.log(req.app === sub, sub.mountpath, res.app === sub)
  res.send(req.params.k)
})
app.use('/sub', sub)
app
  .route('/rt')
  .all((_req, _res, next) => next())
  .get((_req, res) => res.send('get'))
  .post((_req, res) => res.send('post'))
app.use((req, res) => res.status(404).send(String(req.app === app)))

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
