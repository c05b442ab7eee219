const http = require('node:http')

const controller = new AbortController()
const req = http.get(`${process.argv[2]}/never`, { signal: controller.signal }, () => console.log('never'))
req.on('error', error => console.log(error.name, error.code, req.destroyed, req.aborted))
req.on('close', () => console.log('closed'))
setTimeout(() => controller.abort(), 100)
