const fs = require('node:fs')
const https = require('node:https')

const key = fs.readFileSync(process.env.TLS_KEY)
const cert = fs.readFileSync(process.env.TLS_CERT)
const server = https.createServer({ key, cert }, (req, res) => res.end(`secret ${req.socket.encrypted}`))
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
