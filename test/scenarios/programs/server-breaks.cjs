const http = require('node:http')

const server = http.createServer((req, res) => {
  res.on('error', error => console.log('error', error.code))
  res.on('close', () => console.log('closed', res.writableFinished))
  if (req.url === '/partial') res.write('some', () => res.destroy())
  else if (req.url === '/destroyed') req.socket.destroy()
  else {
    res.end('done')
    for (const misuse of [() => res.setHeader('late', '1'), () => res.writeHead(500), () => res.end('again')]) {
      try {
        misuse()
        console.log('no throw')
      } catch (error) {
        console.log(error.code)
      }
    }
    res.write('after the end', error => console.log('write', error.code))
  }
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
