const http = require('node:http')

const req = new http.ClientRequest(new URL(`${process.argv[2]}/direct`), res => {
  console.log(res.statusCode, req instanceof http.ClientRequest, req.constructor.name)
  res.resume()
})
req.end()
