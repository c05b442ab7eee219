import { get } from 'node:http'
import * as namespace from 'http'

const once = call => new Promise(resolve => call(`${process.argv[2]}/x`, res => res.resume().on('end', resolve)))
await once(namespace.get)
await once(get)
const dynamic = await import('node:http')
await once(dynamic.get)
console.log(dynamic.get === get, namespace.default.get === get)
