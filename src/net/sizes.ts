/** Largest reply that is read, largest request that is sent (OTLP specification). */
export const MAX_REPLY_BYTES = 4 * 1024 * 1024
export const MAX_REQUEST_BYTES = 64 * 1024 * 1024
