import express, { Router } from 'express'

const app = express()
const router = Router()
router.get('/user/:id', (req, res) => res.send(req.params.id))
app.use('/api', router)
const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
