/** Texts that are put together again and again, as names of spans are. */

/** Texts that a program has; more are made on the fly, and not worth remembering. */
const MAX_TEXTS = 1000

/**
 * A beginning and what follows it. It is the same text each time: one that was just put together V8 makes flat when its
 * characters are read, and an exporter encodes one that it knows faster.
 */
export class Texts {
  private readonly texts = new Map<string, string>()

  constructor(private readonly beginning: string) {}

  with(end: string): string {
    let text = this.texts.get(end)
    if (text === undefined) {
      text = this.beginning + end
      if (this.texts.size < MAX_TEXTS) this.texts.set(end, text)
    }
    return text
  }
}
