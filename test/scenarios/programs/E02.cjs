const express = require('express')

const app = express()
const api = express.Router()
const user = express.Router({ mergeParams: true })
user.get('/posts/:postId', (req, res) => {
  console.log(req.baseUrl, req.route.path)
  res.json(req.params)
})
api.use('/user/:id', user)
app.use('/api', api)

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
