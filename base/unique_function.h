#ifndef BASE_UNIQUE_FUNCTION_H_
#define BASE_UNIQUE_FUNCTION_H_

#include <memory>
#include <type_traits>
#include <utility>

namespace ds {

template <typename Signature>
class UniqueFunction;

// A callable that is moved, never copied, so that it can own what it captures. (std::function
// wants copyable callables; std::move_only_function is C++23; Debian's Abseil predates
// absl::AnyInvocable.) Not thread-safe.
template <typename Result, typename... Args>
class UniqueFunction<Result(Args...)> {
 public:
  UniqueFunction() = default;
  template <typename F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> &&
           std::is_invocable_r_v<Result, F&, Args...>)
      UniqueFunction(F&& f)  // NOLINT(google-explicit-constructor): stands where a lambda stood
      : target_(std::make_unique<Holder<std::decay_t<F>>>(std::forward<F>(f))) {}

  explicit operator bool() const { return target_ != nullptr; }

  // REQUIRES: *this holds a callable.
  Result operator()(Args... args) { return target_->Call(std::forward<Args>(args)...); }

 private:
  struct Target {
    virtual ~Target() = default;
    virtual Result Call(Args... args) = 0;
  };
  template <typename F>
  struct Holder final : Target {
    template <typename G>
    explicit Holder(G&& g) : f(std::forward<G>(g)) {}
    Result Call(Args... args) override { return f(std::forward<Args>(args)...); }
    F f;
  };

  std::unique_ptr<Target> target_;
};

}  // namespace ds

#endif  // BASE_UNIQUE_FUNCTION_H_
