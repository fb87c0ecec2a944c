// Asynchronous calls: work on the engine's own threads (never libuv's pool), answers on the JavaScript thread.
//
//   JavaScript thread          engine thread                     JavaScript thread
//   start(env, ...)      ->    work()  may throw ggclip::error   ->    finish(env) makes the value; the promise settles
//
// One `environment` exists per Node environment (main thread or worker_thread). It counts its threads, so that an
// environment that ends first stops the work that is still running: no thread outlives its environment.
#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <set>

namespace ggclip::binding {

using cancel_flag = std::shared_ptr<std::atomic<bool>>;

// One asynchronous call.
struct job {
    explicit job(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}

    Napi::Promise::Deferred deferred;
    cancel_flag cancelled = std::make_shared<std::atomic<bool>>(false);  // asks `work` to throw ABORTED soon
    std::function<void()> work;                                          // not begun where the flag is up by then
    std::function<Napi::Value(Napi::Env)> finish;
    std::vector<Napi::ObjectReference> alive;  // values whose memory `work` reads
    std::exception_ptr failure;
};

// A started call. Its flag is its own: no abort() is lost, and none affects another call.
struct task {
    Napi::Promise promise;
    cancel_flag cancelled;

    Napi::Object value(Napi::Env env) const;  // { promise, abort }: the shape of every cancellable call
};

class environment {
  public:
    static void create(Napi::Env env);
    static environment & of(Napi::Env env) { return *env.GetInstanceData<environment>(); }
    explicit environment(Napi::Env env);
    ~environment();

    Napi::FunctionReference model_class, session_class, rows_class;  // constructors of this environment

    // Runs the job on a thread of its own; for rare or long calls.
    task start_thread(std::unique_ptr<job> job);

    // Hands a finished job back to the JavaScript thread. From any thread.
    void deliver(std::unique_ptr<job> job);

    // Pending jobs keep the process alive; idle threads do not. JavaScript thread only.
    void job_started();
    void job_ended();

    // A running thread and the way to stop it.
    using ticket = std::set<std::shared_ptr<std::function<void()>>>::iterator;
    ticket enter_thread(std::function<void()> stop);
    void leave_thread(ticket ticket);

    // Starts the thread of a ticket; a JavaScript error with OUT_OF_MEMORY if the system refuses.
    template <class Body>
    void launch(Napi::Env env, ticket ticket, Body body);

    // Stops every thread and waits for it. Also called when the process exits.
    void stop_all();

  private:
    friend class worker;
    napi_env env_;
    napi_threadsafe_function deliver_ = nullptr;
    int pending_ = 0;
    std::mutex mutex_;
    std::condition_variable gone_;
    std::set<std::shared_ptr<std::function<void()>>> threads_;
    std::atomic<bool> closing_{false};
};

// A thread that runs jobs one after another.
class worker : public std::enable_shared_from_this<worker> {
  public:
    static std::shared_ptr<worker> start(environment & env);
    task run(std::unique_ptr<job> job);  // JavaScript thread only
    void quit();                         // after what is queued; idempotent
    void stop();                         // cancels what is queued and what runs, then quits

  private:
    void loop();

    environment * env_ = nullptr;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::unique_ptr<job>> queue_;
    cancel_flag running_;
    bool quit_ = false;
};

}  // namespace ggclip::binding
