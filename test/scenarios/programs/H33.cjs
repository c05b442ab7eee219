const http = require('node:http')

const original = http.request
let calls = 0
http.request = function (...args) {
  calls++
  return original.apply(this, args)
}
const req = http.request(`${process.argv[2]}/patched`, res => {
  res.resume().on('end', () => console.log(calls, original.name, original.length))
})
req.end()
