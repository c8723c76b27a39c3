// The real nginx and Varnish as shared caches in front of a server, configured as docs/caching.md says.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { freePort } from "./proxy.js"
import { until } from "./streams.js"

const page = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "docs", "caching.md")

/** The page's example in that language. */
function example(language) {
  return new RegExp("```" + language + "\n([^]*?)```").exec(readFileSync(page, "utf8"))[1]
}

/** Runs a program until `stop`, and waits until what listens at `port` answers. */
async function run(program, args, port) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
  const exited = once(child, "exit")
  let said = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said = (said + chunk).slice(-10_000)))
  const url = `http://127.0.0.1:${port}`
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`)
      return fetch(`${url}/`, { method: "OPTIONS" }).then(
        () => true,
        () => false,
      )
    }, 20_000)
  } catch (error) {
    child.kill("SIGKILL")
    throw error
  }
  return {
    url,
    stop: async () => {
      child.kill("SIGTERM")
      await exited
    },
  }
}

/** Starts nginx in `folder` in front of HOST:PORT. */
export async function startNginx(folder, origin) {
  const port = await freePort()
  const http = example("nginx").replace("listen 8080", `listen 127.0.0.1:${port}`).replace("keys_zone", "use_temp_path=off keys_zone")
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
  const config = join(folder, "nginx.conf")
  writeFileSync(
    config,
    `daemon off;
master_process off;
pid ${join(folder, "nginx.pid")};
error_log stderr warn;
events { worker_connections 1024; }
http {
access_log off;
${temporary.join("\n")}
upstream streams { server ${origin}; keepalive 16; }
${http.replace("proxy_cache_path cache", `proxy_cache_path ${join(folder, "cache")}`)}
}
`,
  )
  return run("nginx", ["-p", folder, "-e", "stderr", "-c", config], port)
}

/** Starts Varnish in `folder` in front of HOST:PORT. */
export async function startVarnish(folder, origin) {
  const port = await freePort()
  const [host, originPort] = origin.split(":")
  const vcl = join(folder, "default.vcl")
  writeFileSync(vcl, example("vcl").replace('"127.0.0.1"', `"${host}"`).replace('"4437"', `"${originPort}"`))
  const state = join(folder, "state")
  mkdirSync(state)
  // Without its jail it runs as who started it, and needs no user of its own.
  return run("varnishd", ["-F", "-j", "none", "-n", state, "-f", vcl, "-a", `127.0.0.1:${port}`, "-T", "none", "-s", "malloc,64m", "-p", "thread_pool_min=20", "-p", "thread_pools=1"], port)
}

/** Name and start function of each. */
export const caches = [
  ["nginx", startNginx],
  ["Varnish", startVarnish],
]
