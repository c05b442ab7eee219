'use strict'
// Frameworks with an application each: node servers.cjs <name> <port>. The packages are found from PACKAGES.
const { createRequire } = require('node:module')

const packages = createRequire(`${process.env.PACKAGES}/package.json`)
let find = packages
const [, , name, port] = process.argv
const listening = () => console.log('listening')

const servers = {
  async koa() {
    const Koa = find('koa')
    const app = new Koa()
    app.use(async (context, next) => {
      context.set('x-before', '1')
      await next()
      context.set('x-after', context.status)
    })
    app.use(async context => {
      if (context.path === '/throw') throw new Error('thrown')
      if (context.path === '/teapot') context.throw(418, 'short and stout')
      if (context.path === '/stream') context.body = require('node:stream').Readable.from(['a', 'b'])
      else context.body = { path: context.path, query: context.query, keys: Object.keys(context.req).length }
    })
    app.on('error', error => console.log('error', error.message, error.stack.split('\n')[1].includes(__filename)))
    app.listen(port, '127.0.0.1', listening)
  },
  async fastify() {
    const app = find('fastify')({ logger: false })
    app.addHook('onResponse', async (request, reply) => console.log('onResponse', request.url, reply.statusCode))
    app.addHook('onError', async (_request, _reply, error) => console.log('onError', error.message))
    app.get('/items/:id', async request => ({ id: request.params.id, query: request.query }))
    app.get('/throw', async () => {
      throw new Error('thrown')
    })
    app.post('/echo', { schema: { body: { type: 'object', required: ['a'] } } }, async request => request.body)
    await app.listen({ port: Number(port), host: '127.0.0.1' })
    console.log((await app.inject('/items/injected')).body)
    listening()
    process.once('SIGTERM', () => app.close().then(() => console.log('closed')))
  },
  async nest() {
    find('reflect-metadata')
    const { Controller, Get, Injectable, Module, NotFoundException, Param } = find('@nestjs/common')
    const { NestFactory } = find('@nestjs/core')
    const decorate = (decorators, target, key) =>
      Reflect.decorate(decorators, target, key, key && Object.getOwnPropertyDescriptor(target, key))
    class Items {
      one(id) {
        if (id === 'missing') throw new NotFoundException('no such item')
        if (id === 'throw') throw new Error('thrown')
        return { id }
      }
    }
    decorate([Get('items/:id')], Items.prototype, 'one')
    Param('id')(Items.prototype, 'one', 0)
    const Decorated = decorate([Controller()], Items) ?? Items
    class App {
      configure(consumer) {
        consumer
          .apply((request, _response, next) => {
            console.log('middleware', request.originalUrl)
            next()
          })
          .forRoutes('{*all}')
      }
    }
    const Root = decorate([Module({ controllers: [Decorated] })], App) ?? App
    const app = await NestFactory.create(Root, { logger: false })
    app.enableShutdownHooks()
    await app.listen(Number(port), '127.0.0.1')
    listening()
    if (Injectable === undefined) throw new Error('unreachable')
  },
}

/** @param found packages by their names, in place of those that `require` finds */
exports.run = (name, found) => {
  if (found !== undefined) find = name => found[name]
  servers[name]()
}
if (require.main === module) exports.run(name)
