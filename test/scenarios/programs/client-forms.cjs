const http = require('node:http')

const base = process.argv[2]
const { hostname, port } = new URL(base)
const headers = { 'X-Own': ['a', 'b'] }
const options = { hostname, port, path: '/options', headers }
const before = JSON.stringify(options)
const forms = [
  done => http.get(`${base}/string`, done),
  done => http.get(new URL(`${base}/url`), done),
  done => http.get(`${base}/string-and-options`, { headers }, done),
  done => http.get(new URL(`${base}/url-and-options`), { method: 'GET' }, done),
  done => http.get(options, done),
  done => http.get({ ...options, port: Number(port), host: hostname, hostname: undefined }, done),
  done => http.get(Object.freeze({ ...options, headers: Object.freeze({ a: 'b' }) }), done),
  done => http.request(options).on('response', done).end(),
  done => http.request({ ...options, method: 'post' }, done).end('body'),
  done => {
    const req = http.request(options, done)
    req.setHeader('X-Late', '1')
    req.removeHeader('X-Own')
    req.end()
  },
  done => {
    const req = http.request(options, done)
    req.flushHeaders()
    setTimeout(() => req.end(), 5)
  },
]
function next() {
  const form = forms.shift()
  if (form === undefined) {
    console.log(JSON.stringify(options) === before, Object.keys(headers).join())
    return
  }
  form(res => {
    let body = ''
    res.setEncoding('utf8').on('data', text => {
      body += text
    })
    res.on('end', () => {
      const { method, url, headers: seen } = JSON.parse(body)
      console.log(method, url, Object.keys(seen).join(), seen['x-own'])
      next()
    })
  })
}
next()
