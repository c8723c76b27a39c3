// The same request over HTTP/1.1 and over HTTP/2, with nothing added or decoded by a client.
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import http from "node:http"
import http2 from "node:http2"

async function collect(stream) {
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function openHttp1(origin) {
  const agent = new http.Agent({ keepAlive: true })
  const { hostname, port } = new URL(origin)
  return {
    async ask(method, path, { headers = {}, body } = {}) {
      const request = http.request({ hostname, port, path, method, headers, agent })
      request.end(body)
      const [response] = await once(request, "response")
      return { status: response.statusCode, headers: response.headers, body: await collect(response) }
    },
    close: () => agent.destroy(),
  }
}

function openHttp2(origin) {
  const session = http2.connect(origin)
  return {
    async ask(method, path, { headers = {}, body } = {}) {
      const request = session.request({ ":method": method, ":path": path, ...headers })
      request.end(body)
      const [{ ":status": status, ...answer }] = await once(request, "response")
      return { status, headers: answer, body: await collect(request) }
    },
    close: () => session.close(),
  }
}

/** Name and `open(origin)` of each version. Names of the answer's headers are in lower case, its body is as it came. */
export const versions = [
  ["HTTP/1.1", openHttp1],
  ["HTTP/2", openHttp2],
]

/** A setup and an HTTP version each, for describe.each. */
export const inEach = (setups) => setups.flatMap(([name, start]) => versions.map(([version, open]) => [name, version, start, open]))

/** The status of a GET with these header lines, which may repeat a name. */
export function statusWithLines(version, url, lines) {
  const option = version === "HTTP/2" ? "--http2-prior-knowledge" : "--http1.1"
  const result = spawnSync("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", option, ...lines.flatMap((line) => ["-H", line]), url])
  return Number(result.stdout)
}
