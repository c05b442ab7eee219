const http = require('node:http')

const req = http.get({ host: '127.0.0.1', port: process.env.CLOSED_PORT })
req.on('error', error => console.log(error.code, error.syscall, req.listenerCount('error')))
