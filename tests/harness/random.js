// Random input that can be made again: the seed is in DS_SEED, or is picked and printed when a test fails.

/** A generator of numbers in [0, 1), the same for the same seed. */
export function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const pickSeed = () => Number(process.env.DS_SEED ?? Math.floor(Math.random() * 2 ** 32))

export const pick = (random, values) => values[Math.floor(random() * values.length)]

const utf8 = (text) => Buffer.from(text, "utf8")
// Text that lines of events carry, if written with care.
const exact = [" ", "  ", "\n", "\n\n", "\t", ":", "data:", "id: 1", "event: control\n", "retry: 1\n", "token", " world", "é", "\u{1f600}", "\u2028", "\u2029", "\u0085", "\ufeff", "\0", "\v", "\f", "\u001e", "0", "{}"].map(utf8)
const lineEnds = ["\r\n", "a\r\n", "\r\n\r\n"].map(utf8)
const damaged = [utf8("\r"), utf8("\n\r"), ...[[0xc3], [0xa9], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xff, 0xfe], [0xf5], [0xc0, 0x80]].map((bytes) => Buffer.from(bytes))]

/** The pieces that text may be made of: what is exact as lines, what has CRLF too, anything. */
export const kindsOfText = {
  "text that lines carry": exact,
  "text with CRLF": [...exact, ...lineEnds],
  "any bytes": [...exact, ...lineEnds, ...damaged, ...damaged],
}

/** Some bytes, never none, made of these pieces. */
export function randomBytes(random, pieces) {
  const count = 1 + Math.floor(random() * 8)
  return Buffer.concat(Array.from({ length: count }, () => pick(random, pieces)))
}
