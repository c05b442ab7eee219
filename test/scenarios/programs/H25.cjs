const http = require('node:http')

http.get(`${process.argv[2]}/get?normal=kept&sig=hidden1&X-Goog-Signature=hidden2&sigma=kept2`, res => {
  res.on('data', chunk => console.log(JSON.parse(chunk).url))
})
