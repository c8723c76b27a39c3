#ifndef BASE_UNIQUE_FUNCTION_H_
#define BASE_UNIQUE_FUNCTION_H_

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace ds {

template <typename Signature>
class UniqueFunction;

// A callable that is moved, never copied, so that it can own what it captures. (std::function
// wants copyable callables; std::move_only_function is C++23; Debian's Abseil predates
// absl::AnyInvocable.) A small one stands in the object itself and costs no allocation. Not
// thread-safe.
template <typename Result, typename... Args>
class UniqueFunction<Result(Args...)> {
 public:
  UniqueFunction() = default;
  template <typename F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> &&
           std::is_invocable_r_v<Result, F&, Args...>)
      UniqueFunction(F&& f) {  // NOLINT(google-explicit-constructor): stands where a lambda stood
    using Target = std::decay_t<F>;
    if constexpr (FitsInline<Target>()) {
      new (storage_) Target(std::forward<F>(f));
      operations_ = &kInline<Target>;
    } else {
      new (storage_) Target*(new Target(std::forward<F>(f)));
      operations_ = &kHeap<Target>;
    }
  }
  UniqueFunction(UniqueFunction&& other) noexcept { TakeFrom(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      Reset();
      TakeFrom(other);
    }
    return *this;
  }
  ~UniqueFunction() { Reset(); }

  explicit operator bool() const { return operations_ != nullptr; }

  // REQUIRES: *this holds a callable.
  Result operator()(Args... args) {
    return operations_->call(storage_, std::forward<Args>(args)...);
  }

 private:
  static constexpr size_t kInlineBytes = 32;

  // What can be done to a callable in `storage`.
  struct Operations {
    Result (*call)(void* storage, Args&&... args);
    void (*move)(void* from, void* to);  // leaves nothing behind
    void (*destroy)(void* storage);
  };

  template <typename F>
  static constexpr bool FitsInline() {
    return sizeof(F) <= kInlineBytes && alignof(F) <= alignof(void*) &&
           std::is_nothrow_move_constructible_v<F>;
  }

  template <typename F>
  static F& Inline(void* storage) {
    return *std::launder(static_cast<F*>(storage));
  }
  template <typename F>
  static constexpr Operations kInline = {[](void* storage, Args&&... args) -> Result {
                                           return Inline<F>(storage)(std::forward<Args>(args)...);
                                         },
                                         [](void* from, void* to) {
                                           new (to) F(std::move(Inline<F>(from)));
                                           Inline<F>(from).~F();
                                         },
                                         [](void* storage) { Inline<F>(storage).~F(); }};
  template <typename F>
  static constexpr Operations kHeap = {[](void* storage, Args&&... args) -> Result {
                                         return (*Inline<F*>(storage))(std::forward<Args>(args)...);
                                       },
                                       [](void* from, void* to) { new (to) F*(Inline<F*>(from)); },
                                       [](void* storage) { delete Inline<F*>(storage); }};

  void TakeFrom(UniqueFunction& other) {
    if (other.operations_ != nullptr) other.operations_->move(other.storage_, storage_);
    operations_ = std::exchange(other.operations_, nullptr);
  }
  void Reset() {
    if (operations_ != nullptr) std::exchange(operations_, nullptr)->destroy(storage_);
  }

  const Operations* operations_ = nullptr;
  alignas(void*) unsigned char storage_[kInlineBytes];
};

}  // namespace ds

#endif  // BASE_UNIQUE_FUNCTION_H_
