#ifndef GATEWAY_HANDLERS_REQUEST_FOR_TEST_H_
#define GATEWAY_HANDLERS_REQUEST_FOR_TEST_H_

#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http/request.h"

namespace ds {

// A request with these headers, as tests need one; a Host among them is its authority.
struct RequestForTest {
  RequestForTest(std::string_view method,
                 const std::vector<std::pair<std::string_view, std::string_view>>& headers) {
    request.set_method(request.Append(method));
    for (const auto& [name, value] : headers) {
      const http::Request::Span at = request.Append(name);
      const http::Request::Span text = request.Append(value);
      request.AddHeader(at, text);
      if (http::EqualsIgnoringCase(name, "host")) request.set_authority(text);
    }
  }

  http::Request request;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_REQUEST_FOR_TEST_H_
