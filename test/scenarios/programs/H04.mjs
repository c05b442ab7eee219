import http from 'node:http'

http.get(`${process.argv[2]}/default`, res => {
  console.log(res.statusCode)
  res.resume()
})
