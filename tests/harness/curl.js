// Requests by curl: over HTTP/1.1 and HTTP/2, with header lines as given, repeated ones too.
import { spawn } from "node:child_process"

/** Names of the HTTP versions and curl's options for them, for tests that hold in each. */
export const httpVersions = [
  ["HTTP/1.1", "--http1.1"],
  ["HTTP/2", "--http2-prior-knowledge"],
]

/**
 * One request. `headers` are [name, value] pairs; `chunked` leaves the length of the body open. Header
 * names of the answer are in lower case, and the last value of each counts.
 */
export async function curl(version, method, url, { headers = [], body, chunked = false } = {}) {
  const lines = [...headers, ...(chunked ? [["Transfer-Encoding", "chunked"]] : [])]
  // What curl would add of its own.
  const absent = ["Content-Type", "Expect", "User-Agent"].filter((name) => !headers.some(([one]) => one.toLowerCase() === name.toLowerCase()))
  const args = ["-sS", "-i", "--max-time", "20", version, ...(method === "HEAD" ? ["--head"] : ["-X", method])]
  for (const [name, value] of lines) args.push("-H", value === "" ? `${name};` : `${name}: ${value}`)
  for (const name of absent) args.push("-H", `${name}:`)
  if (body !== undefined) args.push("--data-binary", "@-")
  const child = spawn("curl", [...args, url])
  child.stdin.on("error", () => {})
  child.stdin.end(body)
  const chunks = []
  let errors = ""
  child.stdout.on("data", (chunk) => chunks.push(chunk))
  child.stderr.on("data", (chunk) => (errors += chunk))
  const code = await new Promise((resolve) => child.on("close", resolve))
  const bytes = Buffer.concat(chunks)
  const end = bytes.indexOf("\r\n\r\n")
  if (end < 0) throw new Error(`curl ended with ${code}: ${errors}`)
  const [first, ...rest] = bytes.subarray(0, end).toString("latin1").split("\r\n")
  const answer = Object.fromEntries(rest.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]))
  const content = bytes.subarray(end + 4)
  const problem = answer["content-type"] === "application/problem+json" && content.length > 0 ? JSON.parse(content) : {}
  return { status: Number(first.split(" ")[1]), headers: answer, body: content, text: content.toString(), code: problem.code, detail: problem.detail }
}
