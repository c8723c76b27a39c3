// Configurations for --auth-config, and servers under them.
import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { startServer } from "./server.js"
import { streams } from "./streams.js"

/** The hash under which a configuration names an API key. */
export const keyHash = (key) => createHash("sha256").update(key).digest("hex")
export const bearer = (token) => ({ authorization: `Bearer ${token}` })
export const basic = (user, password) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` })
export const everything = [{ paths: ["**"], operations: ["*"] }]

/**
 * Starts `dev` under a configuration that is written to `folder`. `configure` writes another one; `as`
 * calls with a key, `call` with what is given.
 */
export async function startGuarded(folder, config, args = []) {
  const file = join(folder, "auth.json")
  const configure = (next) => writeFileSync(file, JSON.stringify(next))
  configure(config)
  const server = await startServer(["dev", "--auth-config", file, ...args])
  const { call } = streams(server.url)
  const as = (key) => (method, path, { headers = {}, ...rest } = {}) => call(method, path, { headers: { ...bearer(key), ...headers }, ...rest })
  return { server, file, configure, as, call }
}
