/** What must not be shown: found by how it is written, because any variable and any message may hold a URL. */

/** Parts of the names of headers, metadata and attributes that stand for credentials, and names that do so without telling. */
const NAMES =
  /auth|cookie|credential|passphrase|password|passwd|secret|token|api[-_.]?key|private[-_.]?key|session|signature|jwt/

/** What is called so must be neither recorded nor shown. `name` is in lower case. */
export function holdsCredentials(name: string): boolean {
  return NAMES.test(name)
}

const SEPARATORS = /([\s,;"'<>]+)/

/** `text` without the user names and passwords, queries and fragments of the URLs in it. Time is linear. */
export function maskCredentials(text: string): string {
  if (!text.includes('@') && !text.includes('//')) return text
  return text.split(SEPARATORS).map(maskWord).join('')
}

function maskWord(word: string): string {
  const slashes = word.indexOf('//')
  if (slashes < 0) return maskUser(word)
  const from = slashes + 2
  const query = indexOfAny(word, '?#', from)
  const slash = indexOfAny(word, '/\\', from)
  const end = Math.min(query, slash)
  const at = word.lastIndexOf('@', end - 1)
  const authority = at < from ? word.slice(from, end) : `***@${word.slice(at + 1, end)}`
  return word.slice(0, from) + authority + word.slice(end, query) + (query < word.length ? `${word[query]}***` : '')
}

/** `user:password@host`, as it is written for hosts without a scheme. */
function maskUser(word: string): string {
  const at = word.lastIndexOf('@')
  if (at < 0) return word
  const from = word.lastIndexOf('=', at) + 1
  const colon = word.indexOf(':', from)
  return colon > from && colon < at ? `${word.slice(0, from)}***${word.slice(at)}` : word
}

/** The length of `text` when there is none. */
function indexOfAny(text: string, characters: string, from: number): number {
  for (let i = from; i < text.length; i++) if (characters.includes(text[i]!)) return i
  return text.length
}
