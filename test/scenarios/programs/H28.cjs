const { createHash } = require('node:crypto')
const http = require('node:http')
const { Readable } = require('node:stream')

function* chunks() {
  for (let i = 0; i < 80; i++) yield Buffer.alloc(64 * 1024, i)
}

const upload = http.request(`${process.argv[2]}/upload`, { method: 'POST' }, res => {
  res.on('data', chunk => console.log(String(chunk)))
  res.on('end', download)
})
Readable.from(chunks()).pipe(upload)

function download() {
  http.get(`${process.argv[2]}/bytes/10000000`, res => {
    const hash = createHash('sha256')
    let slow = true
    res.on('data', chunk => {
      hash.update(chunk)
      if (!slow) return
      slow = false
      res.pause()
      setTimeout(() => res.resume(), 200)
    })
    res.on('end', () => console.log(hash.digest('hex')))
  })
}
