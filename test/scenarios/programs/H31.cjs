const https = require('node:https')

https
  .get(`${process.env.PEER_HTTPS}/refused`, () => console.log('never'))
  .on('error', error => {
    console.log(error.code)
    const req = https.request(`${process.env.PEER_HTTPS}/accepted?a=b`, { rejectUnauthorized: false }, res => {
      console.log(res.statusCode, res.socket.encrypted)
      res.resume()
    })
    req.end()
  })
