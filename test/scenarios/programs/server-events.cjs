const http = require('node:http')

function watch(name, emitter) {
  const { emit } = emitter
  const seen = []
  emitter.emit = function (event, ...args) {
    seen.push(`${String(event)}/${args.length}`)
    return emit.call(this, event, ...args)
  }
  return () => console.log(name, seen.join(' '))
}
const counts = emitter =>
  emitter
    .eventNames()
    .map(name => `${String(name)}:${emitter.listenerCount(name)}`)
    .sort()
    .join()
const server = http.createServer((req, res) => {
  console.log(counts(req), '|', counts(res), '|', counts(req.socket), '|', counts(server))
  console.log(Object.keys(req).sort().join(), Object.keys(res).sort().join())
  const tell = [watch('request', req), watch('response', res)]
  res.on('close', () => setImmediate(() => tell.map(fn => fn())))
  res.writeHead(201)
  res.write('one')
  setTimeout(() => res.end('two'), 10)
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
