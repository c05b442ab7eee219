const http = require('node:http')

const req = http.get(`${process.argv[2]}/hints`, res => {
  console.log('response', res.statusCode)
  res.resume().on('end', () => console.log('end'))
})
req.on('information', ({ statusCode }) => console.log('information', statusCode))
