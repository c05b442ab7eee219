import { maskCredentials } from '../credentials'
import { printable } from '../log'
import type { Parsed, Type } from './types'

/** Something about a variable that the user must know. */
export interface Problem {
  readonly variable: string
  /** The value as given, without credentials. */
  readonly value: string
  readonly expected: string
  /** What is used instead. */
  readonly used: string
  /** All of it as one line. */
  readonly message: string
}

/** More of a value than this does not help to recognise it. */
const MAX_VALUE = 120

/** One line that says enough of a value. */
export function shorten(value: string): string {
  return printable(value.length <= MAX_VALUE ? value : `${value.slice(0, MAX_VALUE)}…`)
}

/** @param variable as the user wrote it, which may be an alias */
export function refusal<T>(variable: string, raw: string, type: Type<T>, parsed: Parsed<T>, used: string): Problem {
  const value = shorten(type.mask === undefined ? maskCredentials(raw) : type.mask(raw))
  const part =
    parsed.refused === undefined || parsed.refused === raw
      ? ''
      : `"${shorten(maskCredentials(parsed.refused))}" is refused, `
  const why = parsed.reason === undefined ? '' : ` (${shorten(parsed.reason)})`
  const meant = parsed.meant === undefined ? '' : `; did you mean ${parsed.meant}?`
  return {
    variable,
    value,
    expected: type.expected,
    used,
    message: `${variable}="${value}": ${part}expected ${type.expected}${why}${meant}; using ${used === '' ? 'nothing' : used}`,
  }
}
