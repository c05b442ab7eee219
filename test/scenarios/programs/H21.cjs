const http = require('node:http')

const { hostname, port } = new URL(process.argv[2])
const req = http.request({ hostname, port, method: 'CONNECT', path: 'example.com:443' })
req.on('connect', (res, socket, head) => {
  console.log(res.statusCode, head.length)
  socket.on('data', data => {
    console.log(String(data))
    socket.end()
  })
  socket.write('through the tunnel')
})
req.on('close', () => console.log('closed'))
req.end()
