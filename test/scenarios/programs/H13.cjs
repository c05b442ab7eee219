const http = require('node:http')

http
  .get(`${process.argv[2]}/break`, () => console.log('never'))
  .on('error', error => console.log(error.code, error.message))
  .on('close', () => console.log('closed'))
