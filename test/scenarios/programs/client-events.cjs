const http = require('node:http')

function watch(name, emitter) {
  const { emit } = emitter
  const seen = []
  emitter.emit = function (event, ...args) {
    seen.push(`${String(event)}/${args.length}`)
    return emit.call(this, event, ...args)
  }
  process.on('exit', () => console.log(name, seen.join(' ')))
}
const req = http.request(`${process.argv[2]}/upload`, { method: 'POST', agent: new http.Agent() })
watch('request', req)
req.on('response', res => {
  watch('response', res)
  console.log(Object.keys(res).sort().join())
  res.resume()
})
console.log(Object.keys(req).sort().join())
console.log(Object.getOwnPropertyNames(http).length, http.request.toString().length > 0, http.get.name, http.get.length)
req.end('data')
