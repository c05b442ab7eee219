/** What can stand in an `OpenList`. */
export abstract class Listed {
  /** Undefined when it stands in none. */
  previous: Listed | undefined = undefined
  next: Listed | undefined = undefined
}

class End extends Listed {}

/**
 * What has begun and not ended, in order. Each member knows its neighbours, so that to add and to take out one is to write
 * four fields; a Set would grow its table and clear it of holes all the time.
 */
export class OpenList<T extends Listed> {
  private readonly end: Listed = new End()

  constructor() {
    this.end.previous = this.end
    this.end.next = this.end
  }

  get isEmpty(): boolean {
    return this.end.next === this.end
  }

  add(member: T): void {
    const { end } = this
    const last = end.previous!
    member.previous = last
    member.next = end
    last.next = member
    end.previous = member
  }

  /** Nothing happens when it was taken out before. */
  delete(member: T): void {
    const { previous, next } = member
    if (previous === undefined || next === undefined) return
    previous.next = next
    next.previous = previous
    // A member that somebody still has must not keep others.
    member.previous = undefined
    member.next = undefined
  }

  clear(): void {
    for (const member of this) this.delete(member)
  }

  /** A member may be taken out while it is visited. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let at = this.end.next!; at !== this.end; ) {
      const member = at
      at = at.next!
      yield member as T
    }
  }
}
