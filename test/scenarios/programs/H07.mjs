import imported from 'node:http'
import { createRequire } from 'node:module'

const required = createRequire(import.meta.url)('http')
const once = http => new Promise(resolve => http.get(`${process.argv[2]}/x`, res => res.resume().on('end', resolve)))
await once(imported)
await once(required)
await once(process.getBuiltinModule ? process.getBuiltinModule('http') : required)
console.log(imported === required)
