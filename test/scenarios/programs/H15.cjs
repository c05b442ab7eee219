const http = require('node:http')

const req = http.get(`${process.argv[2]}/bytes/100000`)
req.on('close', () => console.log('closed', req.listenerCount('response')))
