// SPDX-License-Identifier: MIT OR Apache-2.0
// The demonstration's client in C++ with omniORB: finds the sensor in the naming service and calls it.
#include "telemetry.hh"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

using Clock = std::chrono::steady_clock;

static Telemetry::Sensor_ptr find(CORBA::ORB_ptr orb) {
  CORBA::Object_var object = orb->resolve_initial_references("NameService");
  CosNaming::NamingContext_var root = CosNaming::NamingContext::_narrow(object);
  CosNaming::Name name;
  name.length(2);
  name[0].id = "telemetry";
  name[1].id = "sensor-0";
  name[1].kind = "sensor";
  object = root->resolve(name);
  return Telemetry::Sensor::_narrow(object);
}

static void call(Telemetry::Sensor_ptr sensor) {
  CORBA::String_var found = sensor->name();
  printf("found `%s` in the naming service\n", found.in());
  CORBA::Double mean;
  CORBA::Long count = 7;
  bool ok = sensor->stats(3, mean, count);
  printf("blocking:  read(3) = %g\n", sensor->read(3));
  printf("           stats(3, 7) = (%s, %g, %d)\n", ok ? "true" : "false", mean, count);
  printf("           gain = %g\n", sensor->gain());
  try {
    sensor->read(9);
  } catch (const Telemetry::OutOfRange& error) {
    printf("           read(9) raises OutOfRange: %s\n", error.why.in());
  }
  Telemetry::SampleSeq samples;
  samples.length(3);
  for (CORBA::ULong i = 0; i < 3; ++i) samples[i].unit = Telemetry::CELSIUS;
  sensor->push(samples);
  printf("oneway:    push of 3 samples\n");
}

static void measure(Telemetry::Sensor_ptr sensor) {
  std::vector<double> trips(2000);
  for (size_t i = 0; i < trips.size(); ++i) {
    auto started = Clock::now();
    sensor->read(static_cast<CORBA::Long>(i % 8));
    trips[i] = std::chrono::duration<double, std::micro>(Clock::now() - started).count();
  }
  std::sort(trips.begin(), trips.end());
  printf("round trips of %zu blocking reads: p50 %.1f µs, p90 %.1f µs, p99 %.1f µs\n", trips.size(),
         trips[trips.size() / 2], trips[trips.size() * 9 / 10], trips[trips.size() * 99 / 100]);
}

int main(int argc, char** argv) {
  try {
    CORBA::ORB_var orb = CORBA::ORB_init(argc, argv);
    Telemetry::Sensor_var sensor = find(orb);
    call(sensor);
    measure(sensor);
    orb->destroy();
  } catch (const CORBA::SystemException& error) {
    fprintf(stderr, "client: %s, minor %#x\n", error._name(), error.minor());
    return 1;
  } catch (const CORBA::Exception& error) {
    fprintf(stderr, "client: %s\n", error._name());
    return 1;
  }
}
