#ifndef BOUNDED_HLS_STREAM_H_
#define BOUNDED_HLS_STREAM_H_

// hls::stream as hardware has it: so many words and no more, readers and writers wait. Processes are threads.
// When those that are not done all wait, the program says so and exits with status 3.

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hls {

struct Scheduler {
    std::mutex mutex;
    std::condition_variable changed;
    int alive = 0;   // processes that are not done
    int running = 0; // those of them that do not wait
    static Scheduler &get() {
        static Scheduler one;
        return one;
    }
    void stop_one() {
        if (--running == 0 && alive > 0) {
            std::printf("deadlock\n");
            std::fflush(stdout);
            std::_Exit(3);
        }
    }
};

template <class T> class stream {
    std::deque<T> words;
    size_t room;
    int waiting = 0; // one reader, one writer, and at most one of them waits

  public:
    // The environment may set another depth for the stream of a name.
    explicit stream(const char *name, size_t depth = ~size_t(0)) : room(depth) {
        const char *other = std::getenv(name);
        if (other)
            room = std::atoi(other);
    }
    stream(const stream &) = delete;

    T read() {
        std::unique_lock<std::mutex> lock(Scheduler::get().mutex);
        wait(lock, [&] { return !words.empty(); });
        T word = words.front();
        words.pop_front();
        wake();
        return word;
    }
    void write(const T &word) {
        std::unique_lock<std::mutex> lock(Scheduler::get().mutex);
        wait(lock, [&] { return words.size() < room; });
        words.push_back(word);
        wake();
    }
    bool empty() const {
        std::unique_lock<std::mutex> lock(Scheduler::get().mutex);
        return words.empty();
    }
    size_t size() const { return words.size(); }

  private:
    template <class READY> void wait(std::unique_lock<std::mutex> &lock, READY ready) {
        if (ready())
            return;
        waiting++;
        Scheduler::get().stop_one();
        Scheduler::get().changed.wait(lock, ready);
    }
    void wake() { // who waited at the other end runs from now on
        Scheduler::get().running += waiting;
        waiting = 0;
        Scheduler::get().changed.notify_all();
    }
};

// The processes of a dataflow region.
struct Processes {
    std::vector<std::function<void()>> bodies;
    void add(std::function<void()> body) { bodies.push_back(body); }
    void run() {
        Scheduler &s = Scheduler::get();
        s.running = s.alive = (int)bodies.size();
        std::vector<std::thread> threads;
        for (auto &body : bodies)
            threads.emplace_back([&s, body] {
                body();
                std::unique_lock<std::mutex> lock(s.mutex);
                s.alive--;
                s.stop_one();
            });
        for (auto &t : threads)
            t.join();
    }
};

} // namespace hls

#endif
