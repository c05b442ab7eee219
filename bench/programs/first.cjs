// Serves one request, and tells the CPU milliseconds that it took from the start of the process to the end of the answer.
const http = require('node:http')
const net = require('node:net')

const server = http.createServer((_request, response) => response.end('hello'))
server.listen(0, '127.0.0.1', () => {
  const socket = net.connect(server.address().port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n')
  socket.resume()
  socket.on('end', () => {
    const { user, system } = process.cpuUsage()
    console.log(JSON.stringify({ cpuMs: (user + system) / 1000 }))
    process.kill(process.pid, 'SIGKILL')
  })
})
