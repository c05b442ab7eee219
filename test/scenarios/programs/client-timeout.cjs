const http = require('node:http')

const req = http.get(`${process.argv[2]}/never`, { timeout: 100 }, () => console.log('never'))
req.on('timeout', () => {
  console.log('timeout', req.listenerCount('timeout'))
  req.destroy()
})
req.on('error', error => console.log(error.code, error.message))
req.on('close', () => console.log('closed'))
