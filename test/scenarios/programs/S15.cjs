const { AsyncResource } = require('node:async_hooks')
const { EventEmitter } = require('node:events')
const fs = require('node:fs')
const http = require('node:http')
const { Readable, Transform } = require('node:stream')
const zlib = require('node:zlib')

/** A queue with one worker that outlives the requests, as connection pools have it. */
const queue = []
function enqueue(job) {
  queue.push(AsyncResource.bind(job))
}
setInterval(() => queue.shift()?.(), 5).unref()

const server = http.createServer(async (_req, res) => {
  let left = 11
  const call = name => {
    http.get(`${process.argv[2]}/from/${name}`, inner => {
      inner.resume().on('end', () => {
        if (--left === 0) res.end('all')
      })
    })
  }
  process.nextTick(call, 'nextTick')
  setTimeout(call, 1, 'setTimeout')
  setImmediate(call, 'setImmediate')
  queueMicrotask(() => call('queueMicrotask'))
  Promise.resolve().then(() => call('then'))
  await null
  call('await')
  const emitter = new EventEmitter()
  emitter.on('event', call)
  emitter.emit('event', 'emitter')
  fs.readFile(__filename, () => call('readFile'))
  Readable.from(['x'])
    .pipe(new Transform({ transform: (chunk, _encoding, done) => setTimeout(done, 1, null, chunk) }))
    .on('data', () => call('stream'))
  zlib.gzip('x', () => call('zlib'))
  enqueue(() => call('queue'))
})
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
process.stdin.on('end', () => server.close()).resume()
