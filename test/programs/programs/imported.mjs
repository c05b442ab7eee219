/** What an ES module gets of packages, by their names: of some the default export, of others the namespace. */
export async function importAll(defaults, namespaces = []) {
  const found = {}
  for (const name of defaults) found[name] = (await import(name)).default
  for (const name of namespaces) found[name] = await import(name)
  return found
}
