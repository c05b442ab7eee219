// Tells its memory and how many files it loaded.
setTimeout(() => {
  const rssMb = Number(/VmRSS:\s+(\d+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
  console.log(JSON.stringify({ rssMb, files: Object.keys(require.cache).length }))
}, 50)
