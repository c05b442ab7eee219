const path = require('node:path')
const express = require('express')

const app = express()
app.use('/files', express.static(path.dirname(process.env.PROTO)))
app.get('/download', (_req, res) => res.sendFile(process.env.PROTO))
app.get('/redirect', (_req, res) => res.redirect('/download'))
app.get('/head', (_req, res) => res.send('x'.repeat(10)))

const server = app.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
