const http = require('node:http')
const { WebSocketServer } = require('ws')

const server = http.createServer((_req, res) => res.end('plain'))
const sockets = new WebSocketServer({ server })
sockets.on('connection', socket => {
  socket.on('message', data => socket.send(`echo ${data}`))
  socket.on('close', code => console.log('closed', code))
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
