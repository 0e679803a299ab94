// SPDX-License-Identifier: MIT OR Apache-2.0
// omniORB's client: see bench/probe/src/lib.rs for what it is told and what it prints.
#include "bench.hh"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;

struct Role {
  std::string address, work = "null";
  long threads = 0, calls = 1000, warmup = 100, millis = 1000, pause = 0, size = 1 << 20;
};

static double nanoseconds(const timeval& time) { return time.tv_sec * 1e9 + time.tv_usec * 1e3; }

static std::function<void()> call(const Role& role, Bench::Target_ptr target) {
  if (role.work == "put") {
    auto blob = std::make_shared<Bench::Blob>();
    blob->length(role.size);
    memset(blob->get_buffer(), 7, role.size);
    return [=] { target->put(*blob); };
  }
  if (role.work == "echo") {
    auto items = std::make_shared<Bench::Items>();
    items->length(100);
    for (CORBA::ULong i = 0; i < 100; ++i) {
      Bench::Item& item = (*items)[i];
      item.a = i;
      item.b = i;
      item.s = "a string of some length";
      item.v.length(10);
      for (CORBA::ULong j = 0; j < 10; ++j) item.v[j] = j;
    }
    return [=] { Bench::Items_var back = target->echo(*items); };
  }
  return [=] { target->nothing(); };
}

static void latency(const Role& role, const std::function<void()>& call) {
  for (long i = 0; i < role.warmup; ++i) call();
  std::vector<double> times;
  times.reserve(role.calls);
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  auto last = Clock::now();
  for (long i = 0; i < role.calls; ++i) {
    call();
    auto now = Clock::now();
    times.push_back(std::chrono::duration<double, std::nano>(now - last).count());
    last = now;
    if (role.pause > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(role.pause));
      last = Clock::now();
    }
  }
  getrusage(RUSAGE_SELF, &after);
  std::sort(times.begin(), times.end());
  printf("RESULT user_ns=%f system_ns=%f", (nanoseconds(after.ru_utime) - nanoseconds(before.ru_utime)) / role.calls,
         (nanoseconds(after.ru_stime) - nanoseconds(before.ru_stime)) / role.calls);
  for (int share : {0, 10, 50, 100, 250, 500, 750, 900, 950, 990, 999, 1000})
    printf(" p%g_ns=%f", share / 10.0, times[((times.size() - 1) * share + 500) / 1000]);
  printf("\n");
}

static void rate(const Role& role, const std::function<void()>& call) {
  std::atomic<bool> stop{false};
  std::atomic<long> ready{0}, calls{0};
  std::vector<std::thread> threads;
  for (long i = 0; i < role.threads; ++i)
    threads.emplace_back([&] {
      for (long j = 0; j < role.warmup / role.threads; ++j) call();
      ++ready;
      while (ready <= role.threads) std::this_thread::yield();
      long made = 0;
      for (; !stop; ++made) call();
      calls += made;
    });
  while (ready < role.threads) std::this_thread::yield();
  auto started = Clock::now();
  ++ready;
  std::this_thread::sleep_for(std::chrono::milliseconds(role.millis));
  stop = true;
  double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  for (auto& thread : threads) thread.join();
  printf("RESULT calls_per_s=%f\n", calls / seconds);
}

int main(int argc, char** argv) {
  Role role;
  std::string limit = "67108864", name = "-ORBgiopMaxMsgSize";
  std::vector<char*> words{argv[0], name.data(), limit.data()};
  for (int i = 2; i + 1 < argc; i += 2) {
    std::string option = argv[i], value = argv[i + 1];
    if (option == "--address") role.address = value.substr(0, value.find(','));
    if (option == "--work") role.work = value;
    if (option == "--threads") role.threads = std::stol(value);
    if (option == "--calls") role.calls = std::stol(value);
    if (option == "--warmup") role.warmup = std::stol(value);
    if (option == "--millis") role.millis = std::stol(value);
    if (option == "--pause-us") role.pause = std::stol(value);
    if (option == "--size") role.size = std::stol(value);
    if (option == "--cpu") {
      cpu_set_t only;
      CPU_ZERO(&only);
      CPU_SET(std::stoi(value), &only);
      sched_setaffinity(0, sizeof only, &only);
    }
    if (option.rfind("-ORB", 0) == 0) {
      words.push_back(argv[i]);
      words.push_back(argv[i + 1]);
    }
  }
  int count = static_cast<int>(words.size());
  words.push_back(nullptr);
  try {
    CORBA::ORB_var orb = CORBA::ORB_init(count, words.data());
    CORBA::Object_var object = orb->string_to_object(role.address.c_str());
    Bench::Target_var target = Bench::Target::_narrow(object);
    auto work = call(role, target);
    if (role.threads > 0)
      rate(role, work);
    else
      latency(role, work);
  } catch (const CORBA::Exception& exception) {
    fprintf(stderr, "omniorb-client: %s\n", exception._name());
    return 1;
  }
  fflush(stdout);
  _exit(0);
}
