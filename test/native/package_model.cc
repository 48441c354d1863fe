// SPDX-License-Identifier: Apache-2.0
// Drives PackageModel by lines from stdin, and prints what comes of each interval as JSON:
//   model STATES UNCORE CORES...              cores of each package; each draws up to 1000 W, a count is 1 uJ
//   window PACKAGE BEGIN END JOULES CORES_IDLE PACKAGE_IDLE (PROCESS EXECUTABLE RUN TOGETHER)...
//   interval PACKAGE END SECONDS (PROCESS EXECUTABLE RUN)...
#include "package_model.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

namespace {

// Of C++'s streams none reads "nan".
double Number(std::istream& in) {
  std::string word;
  in >> word;
  return strtod(word.c_str(), nullptr);
}

std::unique_ptr<PackageModel> Make(std::istream& in) {
  PackageModelOptions options;
  in >> options.most_deviations >> options.uncore;
  for (uint32_t cores; in >> cores;) options.cores.push_back(cores);
  options.max_watts = 1000;
  options.joules_per_count = 1e-6;
  return std::make_unique<PackageModel>(options);
}

Window ReadWindow(std::istream& in) {
  Window window;
  in >> window.package >> window.begin_s >> window.end_s;
  window.joules = Number(in);
  in >> window.cores_idle_s >> window.package_idle_s;
  for (Actor who; in >> who.process >> who.executable;) {
    const double run_s = Number(in);
    window.tasks.push_back({who, run_s, Number(in)});
  }
  return window;
}

Interval ReadInterval(std::istream& in) {
  Interval interval;
  in >> interval.package >> interval.end_s >> interval.seconds;
  for (IntervalRow row; in >> row.who.process >> row.who.executable >> row.run_s;)
    interval.rows.push_back(row);
  return interval;
}

// JSON has no NAN.
void Print(const char* name, const std::vector<double>& values) {
  printf(", \"%s\": [", name);
  for (size_t i = 0; i < values.size(); i++)
    std::isnan(values[i]) ? printf("%snull", i ? ", " : "") : printf("%s%.9g", i ? ", " : "", values[i]);
  printf("]");
}

}  // namespace

int main() {
  std::unique_ptr<PackageModel> model;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string command;
    in >> command;
    if (command == "model") model = Make(in);
    if (command == "window") model->Learn(ReadWindow(in));
    if (command != "interval") continue;
    const Prediction found = model->Predict(ReadInterval(in));
    printf(
        "{\"learned\": %s, \"gate\": %.9g, \"shared\": %.9g, \"idle\": %.9g, \"burst\": %d, \"restarts\": "
        "%zu",
        found.learned ? "true" : "false", found.gate, found.shared_j, found.idle_j, model->BurstMs(),
        size_t(model->restarts()));
    Print("joules", found.joules);
    Print("error", found.error_j);
    printf("}\n");
  }
}
