const http = require('node:http')

const base = process.argv[2]
const attempts = [
  () => http.get('http://exa mple/'),
  () => http.get('not a url'),
  () => http.request({ protocol: 'ftp:', host: '127.0.0.1' }),
  () => http.request(base, { headers: { 'bad name': 'x' } }),
  () => http.request(base, { headers: { x: 'line\nbreak' } }),
  () => http.request(base, { headers: { x: undefined } }),
  () => http.request(base, { method: 'B A D' }),
  () => http.request(base, { method: 5 }),
  () => http.request({ host: '127.0.0.1', path: '/with space' }),
  () => http.request({ host: 5 }),
  () => http.request(base, { agent: 'none' }),
  () => http.request(base, { insecureHTTPParser: 'yes' }),
  () => http.get(null),
  () => http.get(undefined),
]
for (const attempt of attempts) {
  try {
    const req = attempt()
    req.on('error', () => {}).destroy()
    console.log('no throw')
  } catch (error) {
    console.log(error.name, error.code, error.message)
  }
}
