import { join, resolve } from 'node:path'

/** The folder of the package: this file runs as build/bench/place.js. */
export const ROOT = resolve(__dirname, '../..')
export const PROGRAMS = join(ROOT, 'bench/programs')
