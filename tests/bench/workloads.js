// The workloads: what the load generator is told, on which systems, and what counts as one operation.
// Names follow those that the field publishes.

const ours = ["dev", "serve", "gateway+storage"]
const inMemory = [...ours, "reference, memory", "control"]
// A server with a thread per core shares them with the load generator; so does this control.
const perCore = [...inMemory, "control, a loop per core"]
const all = [...ours, "reference, memory", "reference, file", "control", "control, a loop per core", "control, synced"]
const grown = ["dev", "serve", "control", "control, a loop per core"]

/** `operations` is the field of the result that counts what `unit` names. */
const requests = { operations: "requests", unit: "requests/s" }
const deliveries = { operations: "measured", unit: "deliveries" }

export const workloads = {
  "write-1": { title: "Appends, 256 B, one stream", systems: all, args: ["append", "--streams", 1], ...requests },
  "write-100": { title: "Appends, 256 B, 100 streams", systems: perCore, args: ["append", "--streams", 100], ...requests },
  "write-1000": { title: "Appends, 256 B, 1,000 streams", systems: all, args: ["append", "--streams", 1000], ...requests },
  "write-10000": { title: "Appends, 256 B, 10,000 streams", systems: grown, args: ["append", "--streams", 10000], ...requests },
  "write-100000": { title: "Appends, 256 B, 100,000 streams", systems: grown, args: ["append", "--streams", 100000], warmup: 3, ...requests },
  "write-json": { title: "Appends of 10 JSON messages of 50 B, 100 streams", systems: inMemory, args: ["append", "--streams", 100, "--messages", 10, "--size", 50], ...requests },
  "write-json-bytes": { title: "The same bytes as octet-stream", systems: inMemory, args: ["append", "--streams", 100, "--size", 511], ...requests },
  "write-1mb": { title: "Appends of 1 MB, 8 connections", systems: inMemory, args: ["append", "--size", 1000000, "--connections", 8], ...requests },
  "latency-1": { title: "Append latency, one connection", systems: all, args: ["append", "--connections", 1], ...requests },
  "latency-2000": { title: "Append latency at 2,000/s, 100 streams", systems: inMemory, args: ["append", "--streams", 100, "--rate", 2000], ...requests },
  "latency-10000": { title: "Append latency at 10,000/s, 100 streams", systems: inMemory, args: ["append", "--streams", 100, "--rate", 10000], ...requests },
  "latency-20000": { title: "Append latency at 20,000/s, 100 streams", systems: [...ours, "control"], args: ["append", "--streams", 100, "--rate", 20000], ...requests },
  "create": { title: "Creates", systems: [...ours, "reference, memory"], args: ["create"], ...requests },
  "mixed": { title: "Mixed: 70 appends, 20 reads of 10 KB, 9 HEAD, 1 create of 100", systems: [...ours, "reference, memory"], args: ["mixed"], ...requests },
  "read-100k": { title: "Catch-up of 100 KB in 1,000 records", systems: inMemory, args: ["read", "--records", 1000, "--size", 100], body: 100_000, ...requests },
  "read-100k-one": { title: "Catch-up of 100 KB in one record", systems: inMemory, args: ["read", "--records", 1, "--size", 100_000], body: 100_000, ...requests },
  "read-10m": { title: "Catch-up of 10 MB in 10 records, 8 clients", systems: inMemory, args: ["read", "--records", 10, "--size", 1_000_000, "--connections", 8], body: 10_000_000, ...requests },
  "replay-200": { title: "Replay of 200 events of 1 KB, 100 streams", systems: inMemory, args: ["read", "--streams", 100, "--records", 200, "--size", 1000], body: 200_000, ...requests },
  "replay-2000": { title: "Replay of 2,000 events of 1 KB", systems: inMemory, args: ["read", "--records", 2000, "--size", 1000], body: 2_000_000, ...requests },
  "sse-1": { title: "SSE, 1 reader, 50 events/s", systems: inMemory, args: ["sse", "--readers", 1, "--rate", 50], ...deliveries },
  "sse-10": { title: "SSE, 10 readers, 50 events/s", systems: inMemory, args: ["sse", "--readers", 10, "--rate", 50], ...deliveries },
  "sse-100": { title: "SSE, 100 readers, 50 events/s", systems: inMemory, args: ["sse", "--readers", 100, "--rate", 50], ...deliveries },
  "sse-1000": { title: "SSE, 1,000 readers, 50 events/s", systems: inMemory, args: ["sse", "--readers", 1000, "--rate", 50], ...deliveries },
  "sse-10000": { title: "SSE, 10,000 readers, 5 events/s", systems: [...ours, "control"], args: ["sse", "--readers", 10000, "--rate", 5], ...deliveries },
  "sse-many": { title: "SSE, 10,000 streams with one reader each, 500 events/s", systems: ours, args: ["sse", "--readers", 10000, "--streams", 10000, "--rate", 500], ...deliveries },
  "long-poll": { title: "Long-poll round trip", systems: [...ours, "reference, memory"], args: ["long-poll"], operations: "polls", unit: "polls" },
  "idle-sse": { title: "10,000 idle SSE connections", systems: ["dev", "serve"], args: ["idle", "--connections", 10000, "--mode", "sse"], idle: true },
  "idle-long-poll": { title: "10,000 idle long-poll connections", systems: ["dev", "serve"], args: ["idle", "--connections", 10000, "--mode", "long-poll"], idle: true },
  "idle-open": { title: "10,000 idle connections", systems: ["dev", "serve"], args: ["idle", "--connections", 10000, "--mode", "open"], idle: true },
}
