// What a page does to read a stream with the browser's own EventSource. The functions run in the page.

/**
 * Reads the stream at `url` until the EventSource gives up, which it does when the server says that there
 * is no more. Resolves to the bytes, as an array, to where each data event ended, and to how often the
 * connection was opened. This is the code that docs/api.md shows.
 */
export function readWithEventSource(url) {
  return new Promise((resolve) => {
    const source = new EventSource(url)
    const seen = { bytes: [], ids: [], opened: 0, closed: false }
    let base64 = false
    source.onopen = () => {
      base64 = false
      seen.opened++
    }
    source.addEventListener("encoding", (event) => (base64 = event.data === "base64"))
    source.addEventListener("data", (event) => {
      const bytes = base64 ? Uint8Array.from(atob(event.data), (c) => c.charCodeAt(0)) : new TextEncoder().encode(event.data)
      seen.bytes.push(...bytes)
      seen.ids.push(event.lastEventId)
    })
    source.addEventListener("control", (event) => (seen.closed ||= JSON.parse(event.data).streamClosed === true))
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) resolve(seen)
    }
  })
}
