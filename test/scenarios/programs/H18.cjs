const http = require('node:http')

const methods = ['HEAD', 'OPTIONS', 'PURGE', 'get']
if (http.METHODS.includes('QUERY')) methods.push('QUERY')

function next() {
  const method = methods.shift()
  if (method === undefined) return
  const req = http.request(`${process.argv[2]}/methods`, { method }, res => {
    console.log(req.method, res.statusCode)
    res.resume().on('end', next)
  })
  req.end()
}
next()
