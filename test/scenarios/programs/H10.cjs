const http = require('node:http')

http.get({ host: '127.0.0.1', port: process.env.CLOSED_PORT })
process.on('exit', code => console.log('exit', code))
