#include "gateway/http/authority.h"

#include <string>

#include "gtest/gtest.h"

namespace ds::http {
namespace {

TEST(Authority, TakesHostsAndPorts) {
  for (const char* text : {"example.com",
                           "example.com:80",
                           "EXAMPLE.com:65535",
                           "localhost:4437",
                           "a",
                           "a.",
                           "a_b",
                           "127.0.0.1:4437",
                           "[::1]",
                           "[::1]:4437",
                           "[2001:db8::7]:443",
                           "[::ffff:192.0.2.1]",
                           "[v7.a:b]",
                           "example.com:",
                           "a:0",
                           "a:00080",
                           "xn--bcher-kva.example",
                           "a%20b",
                           "a~b!$&'",
                           "(a)*+,;=b",
                           "1.2.3.4.5"}) {
    EXPECT_TRUE(IsValidAuthority(text)) << text;
  }
}

TEST(Authority, RefusesWhatIsNone) {
  for (const char* text : {"",
                           ":80",
                           "user@example.com",
                           "user:secret@example.com",
                           "a:65536",
                           "a:99999999999999999999",
                           "a:80x",
                           "a:-1",
                           "a:+1",
                           "a: 80",
                           "a:80:80",
                           "::1",
                           "[::1",
                           "::1]",
                           "[]",
                           "[:::1]",
                           "[::1]80",
                           "[::1]:x",
                           "[fe80::1%25eth0]",
                           "[fe80::1%eth0]",
                           "[v.a]",
                           "[v7.]",
                           "[v7]",
                           "[vx.a]",
                           "[1.2.3.4]",
                           "a b",
                           " a",
                           "a ",
                           "a/b",
                           "a?b",
                           "a#b",
                           "a\\b",
                           "a\"b",
                           "<a>",
                           "a^b",
                           "a`b",
                           "{a}",
                           "a|b",
                           "a%",
                           "a%2",
                           "a%zz",
                           "a\tb",
                           "a\x01",
                           "a\x7f",
                           "b\xc3\xbc"
                           "cher.example",
                           "http://a",
                           "a,b:80@c"}) {
    EXPECT_FALSE(IsValidAuthority(text)) << text;
  }
  EXPECT_FALSE(IsValidAuthority(std::string("a\0b", 3)));
}

TEST(Authority, ComparesHostsAndPorts) {
  EXPECT_TRUE(SameAuthority("a.example", "A.Example", "http"));
  EXPECT_TRUE(SameAuthority("a", "a:80", "http"));
  EXPECT_TRUE(SameAuthority("a:", "a", "http"));
  EXPECT_TRUE(SameAuthority("a:443", "a", "https"));
  EXPECT_TRUE(SameAuthority("[::1]:8080", "[::1]:08080", "http"));
  EXPECT_FALSE(SameAuthority("a", "a:443", "http"));
  EXPECT_FALSE(SameAuthority("a", "a:80", "https"));
  EXPECT_FALSE(SameAuthority("a:1", "a:2", "http"));
  EXPECT_FALSE(SameAuthority("a", "b", "http"));
}

}  // namespace
}  // namespace ds::http
