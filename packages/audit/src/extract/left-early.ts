/** Code that sets up an app and stops early: what it registers on that way stands before nothing that the rest of it registers. */

/** What was registered on a way that ends, and until when the rest of that run of the function registers. By order. */
interface Left {
  readonly from: number
  readonly to: number
  readonly depth: number
  end: number
}

interface Registered {
  readonly order: number
}

export class LeftEarly {
  private readonly left: Left[] = []
  private readonly running: Left[] = []
  private readonly around = new WeakMap<Registered, readonly Left[]>()

  /** A function, so deep in the stack, goes no further on the way that has registered what came after `from`, up to `to`. */
  note(from: number, to: number, depth: number): void {
    const left = { from, to, depth, end: Number.POSITIVE_INFINITY }
    this.left.push(left)
    this.running.push(left)
  }

  /** Of the functions that were running only those are that lie no deeper than this. */
  ended(depth: number, order: number): void {
    while ((this.running.at(-1)?.depth ?? 0) > depth) this.running.pop()!.end = order
  }

  /** `if (!configured) { router.use(refuse); return router }`: whoever gets to what follows has not been there. */
  isInstead(layer: Registered, { order }: Registered): boolean {
    let around = this.around.get(layer)
    if (around === undefined) {
      around = this.left.filter(({ from, to }) => from < layer.order && layer.order <= to)
      this.around.set(layer, around)
    }
    return around.some(({ to, end }) => to < order && order <= end)
  }
}
