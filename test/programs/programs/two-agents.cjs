'use strict'
// An Express server that calls itself: by http once, and by fetch from there. Express is found from PACKAGES.
const http = require('node:http')
const { createRequire } = require('node:module')

const express = createRequire(`${process.env.PACKAGES}/package.json`)('express')

const app = express()
app.get('/items/:id', async (request, response) => {
  const inner = await fetch(`http://127.0.0.1:${server.address().port}/plain`)
  const names = request.rawHeaders.filter((_value, index) => index % 2 === 0)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  response.json({ inner: await inner.text(), twice })
})
app.get('/plain', (_request, response) => response.send('plain'))
const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address()
  http.get({ host: '127.0.0.1', port, path: '/items/1' }, response => {
    let text = ''
    response.on('data', data => {
      text += data
    })
    response.on('end', () => {
      console.log(response.statusCode, text)
      // Time enough for agents that send from a timer.
      setTimeout(() => process.exit(3), 500)
    })
  })
})
