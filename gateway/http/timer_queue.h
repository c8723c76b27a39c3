#ifndef GATEWAY_HTTP_TIMER_QUEUE_H_
#define GATEWAY_HTTP_TIMER_QUEUE_H_

#include "base/clock.h"
#include "base/turn_watch.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/intrusive/set.hpp"

namespace ds::http {

using ds::SteadyTime;

// Something that wants to be called at a time. It stands in the queue itself, so that waiting
// allocates nothing, and leaves it when it is destroyed.
class Timed : public boost::intrusive::set_base_hook<
                  boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  // The time has come; it is out of the queue.
  virtual void OnTime() = 0;

 protected:
  ~Timed() = default;

 private:
  friend class TimerQueue;
  SteadyTime at_;
};

// Calls many things at their times, with one Asio timer for all. Belongs to the thread that runs
// `context`.
class TimerQueue {
 public:
  // `watch` is told when work begins, and must outlive the object.
  TimerQueue(boost::asio::io_context& context, TurnWatch& watch) : watch_(watch), alarm_(context) {}

  // Has `timed` called at `at`, or soon after; an earlier wish of its is forgotten.
  void Start(Timed& timed, SteadyTime at);
  void Cancel(Timed& timed) { timed.unlink(); }

 private:
  struct Earlier {
    bool operator()(const Timed& a, const Timed& b) const { return a.at_ < b.at_; }
  };

  void SetAlarm();
  void CallDue();

  TurnWatch& watch_;
  boost::asio::steady_timer alarm_;
  SteadyTime alarm_at_ = SteadyTime::max();
  boost::intrusive::multiset<Timed, boost::intrusive::compare<Earlier>,
                             boost::intrusive::constant_time_size<false>>
      waiting_;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_TIMER_QUEUE_H_
