import assert from 'node:assert/strict'
import { type Layer, pathOfMount, pathOfRoute } from '../../instrumentations/express-paths'

/** Both have the layers that the templates are made for. */
const ROUTERS: Record<string, () => any> = {
  'Express 4': () => require('express4').Router(),
  'the router of Express 5': () => new (require('router'))(),
}

function routeLayer(router: any, path: unknown): Layer {
  router.get(path, () => {})
  return router.stack.at(-1)
}

function mountLayer(router: any, path: unknown): Layer {
  router.use(path, () => {})
  return router.stack.at(-1)
}

for (const [name, createRouter] of Object.entries(ROUTERS)) {
  describe(`route templates of ${name}`, () => {
    const template = (path: unknown, asked: string, prefix = '') =>
      pathOfRoute(routeLayer(createRouter(), path)).below(prefix, asked)
    const mount = (path: unknown, asked: string, prefix = '') =>
      pathOfMount(mountLayer(createRouter(), path), path)?.below(prefix, asked)

    it('a route is what the program wrote, below the template of its router', () => {
      assert.equal(template('/users/:id', '/users/7'), '/users/:id')
      assert.equal(template('/users/:id', '/users/7', '/api'), '/api/users/:id')
    })

    it('the root of a mounted router is the mount path itself', () => {
      assert.equal(template('/', '/', '/api'), '/api')
      assert.equal(template('/', '/'), '/')
    })

    it('a regular expression stands with its source', () => {
      assert.equal(template(/^\/re\/(\d+)$/i, '/re/42'), '/^\\/re\\/(\\d+)$/i')
      assert.equal(mount(/^\/v\d/, '/v2', '/api'), '/api/^\\/v\\d/')
    })

    it('of a list of paths the one that fits is the route', () => {
      const path = ['/a', ['/b/:x', /^\/c$/]]
      const flat = path.flat()
      assert.equal(template(flat, '/a'), '/a')
      assert.equal(template(flat, '/b/1'), '/b/:x')
      assert.equal(template(flat, '/c'), '/^\\/c$/')
      assert.equal(mount(['/a', '/b/:x'], '/b/7'), '/b/:x')
    })

    it('a list whose parameter cannot be decoded throws nothing', () => {
      assert.equal(template(['/a/:x', '/b/:x'], '/b/%'), '/a/:x')
    })

    it('a mount path loses the slashes at its end, and the root mounts nothing', () => {
      assert.equal(mount('/api/', '/api'), '/api')
      assert.equal(mount('/', '/'), undefined)
      assert.equal(mount(['/', '/'], '/'), undefined)
    })

    it('one layer under several prefixes has a template for each', () => {
      const path = pathOfRoute(routeLayer(createRouter(), '/x'))
      assert.equal(path.below('/a', ''), '/a/x')
      assert.equal(path.below('/b', ''), '/b/x')
      assert.equal(path.below('/a', ''), '/a/x')
    })
  })
}
