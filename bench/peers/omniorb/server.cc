// SPDX-License-Identifier: MIT OR Apache-2.0
// omniORB's server: see bench/probe/src/lib.rs for what it is told and what it prints.
#include "bench.hh"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

class Target_i : public POA_Bench::Target {
public:
  void nothing() override {}
  void nudge() override {}
  void put(const Bench::Blob&) override {}
  Bench::Items* echo(const Bench::Items& items) override { return new Bench::Items(items); }
  void work(CORBA::ULong microseconds) override {
    double until = cpu_time() + microseconds * 1e3;
    while (cpu_time() < until)
      for (unsigned step = 0; step < 256; ++step) sink = sink * 31 ^ step;
  }

private:
  static double cpu_time() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
  }
  static thread_local volatile unsigned long sink;
};

thread_local volatile unsigned long Target_i::sink = 1;

static double nanoseconds(const timeval& time) { return time.tv_sec * 1e9 + time.tv_usec * 1e3; }

static long resident() {
  long pages = 0, resident = 0;
  if (FILE* file = fopen("/proc/self/statm", "r")) {
    if (fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    fclose(file);
  }
  return resident * 4096;
}

int main(int argc, char** argv) {
  std::vector<const char*> options{"-ORBgiopMaxMsgSize", "67108864"};
  bool told = false;
  long objects = 1;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--cpu")) {
      cpu_set_t only;
      CPU_ZERO(&only);
      CPU_SET(atoi(argv[i + 1]), &only);
      sched_setaffinity(0, sizeof only, &only);
    } else if (!strcmp(argv[i], "--objects")) {
      objects = atol(argv[i + 1]);
    } else if (!strncmp(argv[i], "-ORB", 4)) {
      told |= !strcmp(argv[i], "-ORBendPoint");
      options.push_back(argv[i]);
      options.push_back(argv[i + 1]);
    }
  }
  if (!told) options.insert(options.end(), {"-ORBendPoint", "giop:tcp:127.0.0.1:"});
  std::vector<char*> words{argv[0]};
  for (const char* option : options) words.push_back(const_cast<char*>(option));
  int count = static_cast<int>(words.size());
  words.push_back(nullptr);
  CORBA::ORB_var orb = CORBA::ORB_init(count, words.data());
  CORBA::Object_var object = orb->resolve_initial_references("RootPOA");
  PortableServer::POA_var poa = PortableServer::POA::_narrow(object);
  PortableServer::POAManager_var manager = poa->the_POAManager();
  manager->activate();
  std::string addresses;
  for (long i = 0; i < objects; ++i) {
    PortableServer::ObjectId_var id = poa->activate_object(new Target_i);
    if (objects <= 64 || i % (objects / 64) == 0) {
      CORBA::Object_var reference = poa->id_to_reference(id);
      CORBA::String_var text = orb->object_to_string(reference);
      addresses += (addresses.empty() ? "" : ",") + std::string(text);
    }
  }
  printf("READY %s\n", addresses.c_str());
  fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("COUNT user_ns=%f system_ns=%f resident_bytes=%ld\n", nanoseconds(usage.ru_utime),
           nanoseconds(usage.ru_stime), resident());
    fflush(stdout);
  }
  // The measurement is over: nothing is worth an orderly shutdown.
  _exit(0);
}
