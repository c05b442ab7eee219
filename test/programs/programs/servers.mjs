// The servers with what an ES module gets of their packages: node servers.mjs <name> <port>, beside the folder of the packages.
import { importAll } from './imported.mjs'
import servers from './servers.cjs'

const [, , name] = process.argv
const nest = ['reflect-metadata', '@nestjs/common', '@nestjs/core']
servers.run(name, await (name === 'nest' ? importAll([], nest) : importAll([name])))
