const http = require('node:http')

let rounds = 0
process.on('exit', code => console.log('exit', code, process.exitCode))
process.on('beforeExit', code => {
  console.log('beforeExit', code)
  if (rounds++ === 0) setTimeout(() => console.log('one more round'), 5)
})
http.get(`${process.argv[2]}/x`, res =>
  res.resume().on('end', () => {
    process.exitCode = 5
  }),
)
