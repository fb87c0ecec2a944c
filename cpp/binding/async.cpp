#include "binding/async.h"

#include "binding/arguments.h"
#include "engine/error.h"

#include <chrono>
#include <cstdlib>
#include <system_error>
#include <thread>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace ggclip::binding {

// ---- process-wide: environments alive, for the exit handler ------------------------------------

static std::mutex g_mutex;
static std::set<environment *> g_environments;

// process.exit() ends without closing environments: threads must stop before static objects are destroyed.
static void at_exit() {
    std::lock_guard<std::mutex> lock(g_mutex);
    for (environment * env : g_environments) env->stop_all();
}

// Node unloads an addon when the last worker_thread that loaded it ends; a detached thread may still be on its last
// instructions then. The library therefore stays mapped.
static void pin_library() {
#if defined(_WIN32)
    HMODULE module;
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN, (LPCSTR) &pin_library,
                       &module);
#else
    Dl_info info;
    if (dladdr(reinterpret_cast<void *>(&pin_library), &info) && info.dli_fname)
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
#endif
}

// ---- delivery ----------------------------------------------------------------------------------

static Napi::Value reason_of(Napi::Env env, std::exception_ptr failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const error & e) {
        return to_js_error(env, e.code(), e.what()).Value();
    } catch (const std::bad_alloc &) {
        return to_js_error(env, error_code::OUT_OF_MEMORY, "out of memory").Value();
    } catch (const std::exception & e) {
        return to_js_error(env, error_code::INTERNAL, e.what()).Value();
    }
}

static void settle(Napi::Env env, job & job) {
    Napi::HandleScope scope(env);
    if (job.failure) {
        job.deferred.Reject(reason_of(env, job.failure));
        return;
    }
    try {
        job.deferred.Resolve(job.finish(env));
    } catch (const Napi::Error & e) {
        job.deferred.Reject(e.Value());
    } catch (...) {
        job.deferred.Reject(reason_of(env, std::current_exception()));
    }
}

// For jobs without a waiter, because their environment is closing. Their references may be released on the JavaScript
// thread only, and are gone with it, so the job itself is leaked on purpose; the memory of its work (weights, scratch)
// is not.
static void abandon(job * job) {
    job->work = nullptr;
    job->finish = nullptr;
}

static void on_delivered(napi_env raw, napi_value, void *, void * data) {
    if (!raw) return abandon(static_cast<job *>(data));
    std::unique_ptr<job> done(static_cast<job *>(data));
    Napi::Env env(raw);
    try {
        settle(env, *done);
    } catch (const Napi::Error &) {
        // a worker_thread that is being terminated runs no JavaScript any more: nothing can be settled
    }
    environment::of(env).job_ended();
}

// ---- environment -------------------------------------------------------------------------------

void environment::create(Napi::Env env) {
    static std::once_flag once;
    std::call_once(once, [] {
        pin_library();
        std::atexit(at_exit);
    });
    env.SetInstanceData<environment>(new environment(env));  // deleted with the environment
    napi_add_env_cleanup_hook(
        env, [](void * self) { static_cast<environment *>(self)->stop_all(); }, &of(env));
}

environment::environment(Napi::Env env) : env_(env) {
    napi_value name = Napi::String::New(env, "ggclip");
    napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, on_delivered,
                                    &deliver_);
    napi_unref_threadsafe_function(env, deliver_);
    std::lock_guard<std::mutex> lock(g_mutex);
    g_environments.insert(this);
}

environment::~environment() {
    stop_all();
    std::lock_guard<std::mutex> lock(g_mutex);
    g_environments.erase(this);
}

void environment::job_started() {
    if (pending_++ == 0) napi_ref_threadsafe_function(env_, deliver_);
}

void environment::job_ended() {
    if (--pending_ == 0) napi_unref_threadsafe_function(env_, deliver_);
}

void environment::deliver(std::unique_ptr<job> done) {
    job * raw = done.release();
    if (closing_ || napi_call_threadsafe_function(deliver_, raw, napi_tsfn_nonblocking) != napi_ok) abandon(raw);
}

environment::ticket environment::enter_thread(std::function<void()> stop) {
    std::lock_guard<std::mutex> lock(mutex_);
    return threads_.insert(std::make_shared<std::function<void()>>(std::move(stop))).first;
}

void environment::leave_thread(ticket ticket) {
    std::lock_guard<std::mutex> lock(mutex_);
    threads_.erase(ticket);
    gone_.notify_all();
}

void environment::stop_all() {
    closing_ = true;
    std::unique_lock<std::mutex> lock(mutex_);
    for (const auto & stop : threads_) (*stop)();
    // A thread notices within one graph node or file tensor; the limit only guards against a broken driver.
    gone_.wait_for(lock, std::chrono::seconds(20), [&] { return threads_.empty(); });
}

template <class Body>
void environment::launch(Napi::Env env, ticket ticket, Body body) {
    try {
        std::thread(std::move(body)).detach();
    } catch (const std::system_error & e) {
        leave_thread(ticket);
        throw to_js_error(env, error_code::OUT_OF_MEMORY, std::string("a thread could not be started: ") + e.what());
    }
}

Napi::Object task::value(Napi::Env env) const {
    Napi::Object out = Napi::Object::New(env);
    out.Set("promise", promise);
    out.Set("abort", Napi::Function::New(env, [flag = cancelled](const Napi::CallbackInfo &) { *flag = true; }));
    return out;
}

static void run_work(job & job) {
    try {
        if (*job.cancelled) throw_error(error_code::ABORTED, "the call was cancelled");
        job.work();
    } catch (...) {
        job.failure = std::current_exception();
    }
}

task environment::start_thread(std::unique_ptr<job> job) {
    const task started = {job->deferred.Promise(), job->cancelled};
    const ticket ticket = enter_thread([flag = job->cancelled] { *flag = true; });
    launch(env_, ticket, [this, ticket, raw = job.get()] {
        std::unique_ptr<binding::job> job(raw);
        run_work(*job);
        deliver(std::move(job));
        leave_thread(ticket);
    });
    job.release();  // the thread's from here on
    job_started();
    return started;
}

// ---- worker ------------------------------------------------------------------------------------

std::shared_ptr<worker> worker::start(environment & env) {
    auto self = std::make_shared<worker>();
    self->env_ = &env;
    std::weak_ptr<worker> weak = self;
    const environment::ticket ticket = env.enter_thread([weak] {
        if (auto worker = weak.lock()) worker->stop();
    });
    env.launch(env.env_, ticket, [self, ticket, &env] {
        self->loop();
        env.leave_thread(ticket);
    });
    return self;
}

task worker::run(std::unique_ptr<job> job) {
    const task started = {job->deferred.Promise(), job->cancelled};
    env_->job_started();
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(std::move(job));
    wake_.notify_one();
    return started;
}

void worker::stop() {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto & job : queue_) *job->cancelled = true;
    if (running_) *running_ = true;
    quit_ = true;
    wake_.notify_one();
}

void worker::quit() {
    std::lock_guard<std::mutex> lock(mutex_);
    quit_ = true;
    wake_.notify_one();
}

void worker::loop() {
    for (;;) {
        std::unique_ptr<job> next;
        {
            std::unique_lock<std::mutex> lock(mutex_);
            wake_.wait(lock, [&] { return quit_ || !queue_.empty(); });
            if (queue_.empty()) return;
            next = std::move(queue_.front());
            queue_.pop_front();
            running_ = next->cancelled;
        }
        run_work(*next);
        env_->deliver(std::move(next));
    }
}

}  // namespace ggclip::binding
