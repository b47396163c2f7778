/** Bodies of responses that stream. */

/** The same response with another body. */
export function withBody({ status, headers }: Response, body: ReadableStream<Uint8Array>): Response {
  return new Response(body, { status, headers })
}

/** Tells once when the stream has ended, broken or been given up. */
export function untilEnd(body: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let over = false
  const end = (): void => {
    if (!over) ended()
    over = true
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          end()
          return controller.close()
        } catch (error) {
          end()
          return controller.error(error)
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
