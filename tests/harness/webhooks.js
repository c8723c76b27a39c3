// A receiver of webhooks on this machine, and what its owner knows of the protocol.
import { createPublicKey, verify } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:http"

/**
 * Receives webhooks. `answer(body, response)` answers each; by default with {"done": true}.
 * `received` grows as they come.
 */
export async function webhookReceiver(answer = (_body, response) => response.end('{"done":true}')) {
  const received = []
  const server = createServer(async (request, response) => {
    let raw = ""
    for await (const chunk of request) raw += chunk
    const body = JSON.parse(raw)
    received.push({ at: Date.now(), raw, body, signature: request.headers["webhook-signature"], headers: request.headers })
    answer(body, response, request)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    received,
    url: `http://127.0.0.1:${server.address().port}/hook`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(resolve)
      }),
  }
}

/** Whether the signature is that of a published key over these bytes (section 7.1). */
export function isSigned({ raw, signature }, jwks) {
  const [, time, kid, value] = /^t=(\d+),kid=([^,]+),ed25519=([A-Za-z0-9_-]+)$/.exec(signature)
  const jwk = jwks.keys.find((key) => key.kid === kid)
  if (!jwk || Math.abs(Date.now() / 1000 - Number(time)) > 300) return false
  return verify(null, Buffer.from(`${time}.${raw}`), createPublicKey({ key: jwk, format: "jwk" }), Buffer.from(value, "base64url"))
}

/** Calls on the subscriptions of a server. */
export function subscriptions(root) {
  async function call(method, path, body, token) {
    const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) }
    const response = await fetch(`${root}__ds/${path}`, { method, headers, body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body) })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: text ? JSON.parse(text) : undefined }
  }
  return {
    call,
    put: (id, config) => call("PUT", `subscriptions/${id}`, config),
    get: (id) => call("GET", `subscriptions/${id}`),
    remove: (id) => call("DELETE", `subscriptions/${id}`),
    claim: (id, worker) => call("POST", `subscriptions/${id}/claim`, { worker }),
    ack: (id, claim, body) => call("POST", `subscriptions/${id}/ack`, { wake_id: claim.wake_id, generation: claim.generation, ...body }, claim.token),
    release: (id, claim) => call("POST", `subscriptions/${id}/release`, { wake_id: claim.wake_id, generation: claim.generation }, claim.token),
    keys: async () => (await call("GET", "jwks.json")).json,
  }
}

/** Waits until `condition()` holds. */
export async function eventually(condition, timeoutMs = 15_000) {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in ${timeoutMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
