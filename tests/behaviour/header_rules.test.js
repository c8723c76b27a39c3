// What a request's header lines may say: fields that stand once, and the values of the protocol's own.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { curl, httpVersions } from "../harness/curl.js"
import { setups } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"

const future = "2099-01-01T00:00:00Z"
// Two values for each field, both of which would do alone.
const single = {
  "Content-Type": ["text/plain", "application/json"],
  "Stream-TTL": ["60", "600"],
  "Stream-Expires-At": [future, "2098-01-01T00:00:00Z"],
  "Stream-Closed": ["true", "false"],
  "Stream-Seq": ["a", "b"],
  "Stream-Forked-From": ["/v1/stream/a", "/v1/stream/b"],
  "Stream-Fork-Offset": ["0000000000000000_0000000000000000", "0000000000000001_0000000000000000"],
  "Stream-Fork-Sub-Offset": ["0", "1"],
  "Stream-Unheard-Of": ["1", "2"],
  "Producer-Id": ["p", "q"],
  "Producer-Epoch": ["0", "1"],
  "Producer-Seq": ["0", "1"],
  "If-Unmodified-Since": ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"],
  "If-Modified-Since": ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"],
  Authorization: ["Bearer a", "Bearer b"],
  Origin: ["https://a.example", "https://b.example"],
  "Last-Event-ID": ["a", "b"],
}

describe.each(setups)("fields that stand once, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start()
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  describe.each(httpVersions)("%s", (_version, version) => {
    test.each(Object.keys(single))("%s with two values is refused, with one value twice it is not", async (name) => {
      const path = freshPath("once")
      await ds.create(path, { type: "text/plain", body: "before" })
      const [one, other] = single[name]
      const request = (values) => curl(version, "POST", server.url + path, { headers: [["Content-Type", "text/plain"], ...values.map((value) => [name, value])].slice(name === "Content-Type" ? 1 : 0), body: "x" })
      const refused = await request([one, other])
      expect([refused.status, refused.code, refused.detail]).toEqual([400, "invalid-header", `${name.toLowerCase()} stands several times with different values`])
      expect((await ds.read(path)).text).toBe("before")
      expect((await request([one, one])).detail ?? "").not.toContain("several times")
    })

    test.each(["PUT", "POST", "GET", "HEAD", "DELETE", "OPTIONS"])("%s with two Stream-Closed or Content-Type is refused", async (method) => {
      const path = freshPath("once")
      await ds.create(path, { type: "text/plain", body: "before" })
      for (const name of ["Stream-Closed", "Content-Type"]) {
        const refused = await curl(version, method, server.url + path, { headers: single[name].map((value) => [name, value]) })
        expect(refused.status, name).toBe(400)
      }
      expect((await ds.read(path)).text).toBe("before")
    })

    test("the control API is held to it, too", async () => {
      const body = JSON.stringify({ type: "pull-wake", pattern: "once/**", wake_stream: "wakes" })
      const put = (...types) => curl(version, "PUT", `${server.url}__ds/subscriptions/${freshPath()}`, { headers: types.map((type) => ["Content-Type", type]), body })
      expect((await put("application/json")).status).toBe(201)
      expect((await put("application/json", "text/plain")).status).toBe(400)
    })

    test("fields that are lists may stand on several lines", async () => {
      const path = freshPath("once")
      await ds.create(path, { type: "text/plain" })
      const headers = [["Content-Type", "text/plain"], ["Accept", "text/plain"], ["Accept", "*/*"], ["X-Own", "1"], ["X-Own", "2"]]
      expect((await curl(version, "POST", server.url + path, { headers, body: "x" })).status).toBe(204)
    })
  })
})
