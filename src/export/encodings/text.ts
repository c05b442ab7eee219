/** Characters that become bytes at once. The 400 kB of a batch would take more than a millisecond. */
const PIECE = 16_384

/** Text that becomes UTF-8 piece by piece while it grows. */
export class GrowingText {
  private readonly pieces: Uint8Array[] = []
  private text = ''

  /** @param text without half of a surrogate pair at an end */
  add(text: string): void {
    this.text += text
    if (this.text.length >= PIECE) this.settle()
  }

  bytes(): Uint8Array {
    this.settle()
    return this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces)
  }

  private settle(): void {
    this.pieces.push(Buffer.from(this.text))
    this.text = ''
  }
}
