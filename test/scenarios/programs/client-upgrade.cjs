const http = require('node:http')

const req = http.get(`${process.argv[2]}/upgrade`, { headers: { Connection: 'Upgrade', Upgrade: 'echo' } })
req.on('upgrade', (res, socket, head) => {
  console.log(res.statusCode, res.headers.upgrade, head.length)
  socket.on('data', data => {
    console.log(String(data))
    socket.end()
  })
  socket.write('hello')
})
req.on('close', () => console.log('closed'))
