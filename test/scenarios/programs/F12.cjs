const http = require('node:http')

const server = http.createServer(async (req, res) => {
  const id = req.url.slice(1)
  const call = n => fetch(`${process.argv[2]}/slow/${5 + Number(id) * 3}?request=${id}&call=${n}`).then(r => r.text())
  await call(1)
  await Promise.all([call(2), call(3)])
  res.end(id)
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
