const http = require('node:http')

http.get(`${process.argv[2]}/first`, res => {
  res.resume()
  res.on('end', () => {
    http.get(`${process.argv[2]}/second`, other => {
      other.resume().on('end', () => console.log('both'))
    })
  })
})
