/** Bodies of responses that stream. */

/** The same response with another body. */
export function withBody({ status, headers }: Response, body: ReadableStream<Uint8Array>): Response {
  return new Response(body, { status, headers })
}

/**
 * Tells once when the stream has ended, broken or been given up. What `lastWord` gives by then is said before it closes,
 * also where it broke.
 */
export function untilEnd(
  body: ReadableStream<Uint8Array>,
  ended: () => void,
  lastWord: () => Uint8Array | undefined = () => undefined,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let over = false
  const end = (): void => {
    if (!over) ended()
    over = true
  }
  const close = (controller: ReadableStreamDefaultController<Uint8Array>, silently: () => void): void => {
    const word = lastWord()
    end()
    if (word === undefined) return silently()
    controller.enqueue(word)
    return controller.close()
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          return close(controller, () => controller.close())
        } catch (error) {
          return close(controller, () => controller.error(error))
        }
      },
      cancel(reason) {
        end()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
