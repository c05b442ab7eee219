const http = require('node:http')

http.get(`${process.argv[2]}/hello?a=1`, res => {
  let body = ''
  res.on('data', chunk => {
    body += chunk
  })
  res.on('end', () => console.log(res.statusCode, body))
})
