#include "gateway/http/request.h"

#include <cstdint>

namespace ds::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

std::optional<std::string_view> Request::Find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (EqualsIgnoringCase(View(field.name), name)) return View(field.value);
  }
  return std::nullopt;
}

size_t Request::Count(std::string_view name) const {
  size_t count = 0;
  for (const Field& field : fields_) count += EqualsIgnoringCase(View(field.name), name);
  return count;
}

std::optional<std::string_view> Request::FindList(std::string_view name,
                                                  std::string& joined) const {
  std::optional<std::string_view> list;
  for (const Field& field : fields_) {
    if (!EqualsIgnoringCase(View(field.name), name)) continue;
    if (!list) {
      list = View(field.value);
      continue;
    }
    if (joined.empty()) joined = *list;
    list = joined.append(", ").append(View(field.value));
  }
  return list;
}

void Request::SetHead(std::string_view bytes) {
  Clear();
  head_.assign(bytes);
}

Request::Span Request::Append(std::string_view bytes) {
  const Span span{static_cast<uint32_t>(head_.size()), static_cast<uint32_t>(bytes.size())};
  head_.append(bytes);
  return span;
}

std::optional<Request::Span> Request::Locate(std::string_view view) const {
  if (view.empty()) return Span{};
  // As numbers: comparing pointers into different objects means nothing.
  const auto begin = reinterpret_cast<uintptr_t>(head_.data());
  const auto at = reinterpret_cast<uintptr_t>(view.data());
  if (at < begin || at - begin > head_.size() || view.size() > head_.size() - (at - begin)) {
    return std::nullopt;
  }
  return Span{static_cast<uint32_t>(at - begin), static_cast<uint32_t>(view.size())};
}

void Request::Join(std::string_view name, std::string_view separator) {
  if (Count(name) < 2) return;
  std::string joined;
  std::optional<Field> first;
  std::erase_if(fields_, [&](const Field& field) {
    if (!EqualsIgnoringCase(View(field.name), name)) return false;
    if (first) joined.append(separator);
    if (!first) first = field;
    joined.append(View(field.value));
    return true;
  });
  fields_.push_back({first->name, Append(joined)});
}

void Request::Clear() {
  head_.clear();
  method_ = target_ = authority_ = {};
  fields_.clear();
  body.clear();
  minor_version = 1;
  secure = false;
}

void Request::Release() {
  Clear();
  std::string().swap(head_);
  std::vector<Field>().swap(fields_);
  std::string().swap(body);
}

}  // namespace ds::http
