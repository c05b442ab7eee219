const http = require('node:http')

http.get(`${process.argv[2]}/x`, res => {
  res.resume().on('end', () => {
    setTimeout(() => {
      throw new RangeError('nobody catches this')
    }, 10)
  })
})
