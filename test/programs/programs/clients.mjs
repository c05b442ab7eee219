// The clients with what an ES module gets of their packages: node clients.mjs <name> <url>, beside the folder of the packages.
import clients from './clients.cjs'
import { importAll } from './imported.mjs'

const [, , name] = process.argv
const named = { undici: ['undici'], ws: ['ws'], 'grpc-health-check': ['grpc-health-check', '@grpc/grpc-js'] }[name]
clients.run(name, await (named === undefined ? importAll([name]) : importAll([], named)))
