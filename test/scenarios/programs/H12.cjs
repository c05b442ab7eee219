const http = require('node:http')

const req = http.get(`${process.argv[2]}/endless`, res => {
  res.once('data', () => req.destroy(new Error('enough')))
  res.on('error', error => console.log('response', error.message))
  res.on('close', () => console.log('closed', res.complete))
})
req.on('error', error => console.log('request', error.message))
