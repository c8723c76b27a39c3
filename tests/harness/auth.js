// Configurations for --auth-config, and servers under them.
import { createHash, createHmac } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { startServer } from "./server.js"
import { streams } from "./streams.js"

/** The hash under which a configuration names an API key. */
export const keyHash = (key) => createHash("sha256").update(key).digest("hex")
export const bearer = (token) => ({ authorization: `Bearer ${token}` })
export const basic = (user, password) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` })
export const everything = [{ paths: ["**"], operations: ["*"] }]

/** The query of a signed URL, made by docs/security.md without this server's code. */
export function signedQuery({ path, pattern, operations = "read", expires = Math.floor(Date.now() / 1000) + 60, key, secret, signer = "" }) {
  const signed = ["durable-streams-url-v1", key, expires, operations, signer, pattern ? "pattern" : "path", pattern ?? path].join("\n")
  const parameters = new URLSearchParams({ "ds-key": key, "ds-expires": String(expires), "ds-operations": operations })
  if (signer) parameters.set("ds-signer", signer)
  if (pattern) parameters.set("ds-pattern", pattern)
  parameters.set("ds-signature", createHmac("sha256", secret).update(signed).digest("base64url"))
  return parameters.toString()
}

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
