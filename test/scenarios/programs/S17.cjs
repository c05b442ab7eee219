const http2 = require('node:http2')

const server = http2.createServer()
server.on('stream', (stream, headers) => {
  stream.respond({ ':status': 200, 'x-path': headers[':path'] })
  stream.end('over http2')
})
server.listen(0, '127.0.0.1', () => {
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`)
  const stream = client.request({ ':path': '/two' })
  stream.on('response', headers => console.log(headers[':status'], headers['x-path']))
  stream.setEncoding('utf8')
  stream.on('data', text => console.log(text))
  stream.on('end', () => {
    client.close()
    server.close()
  })
})
