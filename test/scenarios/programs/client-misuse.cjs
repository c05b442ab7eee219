const http = require('node:http')

const req = http.request(`${process.argv[2]}/upload`, { method: 'POST' }, res => {
  res.resume()
  for (const misuse of [
    () => req.setHeader('late', '1'),
    () => req.write('after the end'),
    () => req.end('again'),
    () => req.setHeader('bad\nname', 'x'),
    () => req.setHeader('x', undefined),
  ]) {
    try {
      misuse()
      console.log('no throw')
    } catch (error) {
      console.log(error.code)
    }
  }
})
req.on('error', error => console.log('event', error.code))
req.end('x')
