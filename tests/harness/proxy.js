// The real haproxy in front of servers, as operators put one there.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { until } from "./streams.js"

/** A loopback port that nobody listens on now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address()
  server.close()
  await once(server, "close")
  return port
}

/**
 * Starts haproxy in `folder`, speaking HTTP/1.1 to its clients. `servers` are lines such as
 * "127.0.0.1:4437 proto h2"; the names are s0, s1 and so on. `defaults` and `backend` are further lines;
 * without `port` a free one is picked.
 */
export async function startProxy(folder, servers, { defaults = [], backend = [], port } = {}) {
  port ??= await freePort()
  const config = join(folder, `haproxy-${port}.cfg`)
  writeFileSync(
    config,
    [
      "global",
      "  maxconn 2000",
      "defaults",
      "  mode http",
      "  timeout connect 2s",
      "  timeout client 2m",
      "  timeout server 2m",
      ...defaults.map((line) => `  ${line}`),
      "frontend clients",
      `  bind 127.0.0.1:${port}`,
      "  default_backend servers",
      "backend servers",
      ...backend.map((line) => `  ${line}`),
      ...servers.map((line, i) => `  server s${i} ${line}`),
      "",
    ].join("\n"),
  )
  const child = spawn("haproxy", ["-db", "-f", config], { stdio: ["ignore", "ignore", "pipe"] })
  let errors = ""
  child.stderr.on("data", (chunk) => (errors += chunk))
  const exited = once(child, "exit")
  const url = `http://127.0.0.1:${port}`
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended: ${errors}`)
    return fetch(`${url}/`).then(
      (response) => response.status !== 503,
      () => false,
    )
  })
  return {
    url,
    stop: async () => {
      child.kill("SIGTERM")
      await exited
    },
  }
}
