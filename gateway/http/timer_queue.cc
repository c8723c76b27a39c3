#include "gateway/http/timer_queue.h"

namespace ds::http {

void TimerQueue::Start(Timed& timed, SteadyTime at) {
  timed.unlink();
  timed.at_ = at;
  waiting_.insert(timed);
  if (at < alarm_at_) SetAlarm();
}

void TimerQueue::SetAlarm() {
  if (waiting_.empty()) {
    alarm_at_ = SteadyTime::max();
    return;
  }
  alarm_at_ = waiting_.begin()->at_;
  alarm_.expires_at(alarm_at_);
  alarm_.async_wait([this](const boost::system::error_code& error) {
    if (!error) CallDue();
  });
}

void TimerQueue::CallDue() {
  // What is called may wish to be called again; that is for the next alarm.
  const SteadyTime now = std::chrono::steady_clock::now();
  watch_.Begin(now);
  while (!waiting_.empty() && waiting_.begin()->at_ <= now) {
    Timed& timed = *waiting_.begin();
    timed.unlink();
    timed.OnTime();
  }
  SetAlarm();
}

}  // namespace ds::http
