const http = require('node:http')

const { host, hostname, port } = new URL(process.argv[2])
http.get(`http://user:topsecret@${host}/in-url`, res => {
  res.on('data', chunk => console.log(JSON.parse(chunk).headers.authorization))
  res.on('end', () => {
    http.get({ hostname, port, auth: 'user:topsecret', path: '/in-option' }, other => {
      other.on('data', chunk => console.log(JSON.parse(chunk).headers.authorization))
    })
  })
})
