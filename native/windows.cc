// SPDX-License-Identifier: Apache-2.0
#include "windows.h"

#include <algorithm>

namespace {

// What is kept for windows that are not cut yet: a second of the fastest counter's updates, and of a CPU that
// switches more often than its log could hold.
constexpr size_t kMostEdges = 8192, kMostSlices = 16384;

double Seconds(uint64_t ns) { return static_cast<double>(ns) * 1e-9; }

}  // namespace

WindowCutter::WindowCutter(const WindowOptions& options)
    : options_(options), cpus_(options.core_of_cpu.size()) {
  for (uint32_t cpu = 0; cpu < options.core_of_cpu.size(); cpu++) {
    const uint32_t core = options.core_of_cpu[cpu];
    if (core >= cores_.size()) cores_.resize(core + 1);
    cores_[core].push_back(cpu);
  }
}

void WindowCutter::BeginBurst(uint64_t clock_ns) {
  edges_.clear();
  for (Cpu& cpu : cpus_) {
    cpu = {};
    cpu.known_ns = clock_ns;
  }
}

void WindowCutter::AddRecords(size_t cpu_index, const SwitchRecord* records, size_t count, bool lost) {
  if (cpu_index >= cpus_.size() || count == 0) return;
  Cpu& cpu = cpus_[cpu_index];
  if (lost) {
    const bool again = cpu.lost.end_ns > 0;
    cpu.lost = {again ? cpu.lost.begin_ns : cpu.known_ns, std::max(records[0].clock_ns, cpu.known_ns)};
  }
  for (size_t i = 0; i < count; i++) {
    // The run queue's clock stands still now and then, but does not go back; another CPU's may seem to.
    cpu.known_ns = std::max(records[i].clock_ns, cpu.known_ns);
    cpu.running = records[i].next;
    if (!cpu.slices.empty() && cpu.slices.back().tgid == records[i].prev)
      cpu.slices.back().until_ns = cpu.known_ns;
    else
      cpu.slices.push_back({cpu.known_ns, records[i].prev});
  }
  while (cpu.slices.size() > kMostSlices) {
    const uint64_t until_ns = cpu.slices.front().until_ns;
    cpu.lost = {0, std::max(cpu.lost.end_ns, until_ns)};
    cpu.slices.pop_front();
  }
}

void WindowCutter::AddEdge(const CounterEdge& edge) {
  if (!edges_.empty() && edge.clock_ns <= edges_.back().clock_ns) return;
  edges_.push_back(edge);
  if (edges_.size() > kMostEdges) edges_.pop_front();
}

bool WindowCutter::Lost(Span span) const {
  return std::any_of(cpus_.begin(), cpus_.end(), [&](const Cpu& cpu) {
    return cpu.lost.begin_ns < span.end_ns && cpu.lost.end_ns > span.begin_ns;
  });
}

std::vector<Window> WindowCutter::Cut(uint64_t now_ns) {
  std::vector<Window> windows;
  Window window;
  while (NextWindow(now_ns, &window)) {
    windows.push_back(std::move(window));
    window = {};
  }
  return windows;
}

// Cuts the next window that can be, past those that cannot; false: there is none yet.
bool WindowCutter::NextWindow(uint64_t now_ns, Window* window) {
  const auto wide = [&](const CounterEdge& edge) { return edge.width_ns > options_.most_width_ns; };
  while (edges_.size() > 1) {
    const CounterEdge begin = edges_.front();
    const auto enough = [&](const CounterEdge& edge) {
      return static_cast<double>(edge.clock_ns - begin.clock_ns) >=
             options_.shortest_periods * options_.period_ns;
    };
    const auto found = std::find_if(edges_.begin() + 1, edges_.end(), enough);
    if (found == edges_.end() || found->clock_ns + options_.lag_ns > now_ns) return false;
    const CounterEdge end = *found;
    const auto length_ns = static_cast<double>(end.clock_ns - begin.clock_ns);
    if (wide(begin) || wide(end) || length_ns > options_.longest_periods * options_.period_ns) {
      // The next window may begin at the update in the middle.
      (wide(begin) || wide(end) ? counts_.wide : counts_.length)++;
      edges_.pop_front();
      Discard(edges_.front().clock_ns);
      continue;
    }
    edges_.erase(edges_.begin(), found);
    const Span span{begin.clock_ns, end.clock_ns};
    const double joules =
        static_cast<double>(static_cast<int64_t>(end.counts - begin.counts)) * options_.joules_per_count;
    if (Lost(span)) {
      counts_.lost++;
    } else if (!(joules > 0) || joules > options_.max_watts * length_ns * 1e-9) {
      counts_.energy++;
    } else {
      window->joules = joules;
      Cut(span, window);
      counts_.cut++;
    }
    Discard(end.clock_ns);
    if (window->joules > 0) return true;
  }
  return false;
}

void WindowCutter::Cut(Span span, Window* window) {
  window->package = options_.package;
  window->begin_s = Seconds(span.begin_ns);
  window->end_s = Seconds(span.end_ns);
  task_of_tgid_.clear();
  asleep_ = {span};
  for (const auto& cpus : cores_) CutCore(cpus, span, window);
  for (const Span& asleep : asleep_) window->package_idle_s += Seconds(asleep.end_ns - asleep.begin_ns);
}

// What runs on a thread when its slice before has ended.
void WindowCutter::Enter(Thread* thread, Span span, Window* window) {
  const std::deque<Slice>& slices = thread->cpu->slices;
  const bool known = thread->slice < slices.size();
  const uint32_t tgid = known ? slices[thread->slice].tgid : thread->cpu->running;
  thread->until_ns = known ? std::min(slices[thread->slice].until_ns, span.end_ns) : span.end_ns;
  thread->task = -1;
  if (tgid == 0) return;
  const auto [task, added] = task_of_tgid_.emplace(tgid, window->tasks.size());
  if (added) {
    window->tasks.emplace_back();
    window->tasks.back().tgid = tgid;
  }
  thread->task = static_cast<int>(task->second);
}

void WindowCutter::CutCore(const std::vector<uint32_t>& cpus, Span span, Window* window) {
  std::vector<Thread> threads;
  for (const uint32_t cpu : cpus) {
    threads.push_back({&cpus_[cpu], 0, span.begin_ns, -1});
    Enter(&threads.back(), span, window);
  }
  std::vector<Span> idle;
  for (uint64_t now = span.begin_ns; now < span.end_ns;) {
    uint64_t next = span.end_ns;
    int busy = 0;
    for (const Thread& thread : threads) next = std::min(next, thread.until_ns), busy += thread.task >= 0;
    next = std::max(next, now);
    const double seconds = Seconds(next - now);
    if (busy == 0 && next > now) {
      window->cores_idle_s += seconds;
      idle.push_back({now, next});
    }
    for (const Thread& thread : threads) {
      if (thread.task < 0) continue;
      window->tasks[thread.task].run_s += seconds;
      if (busy > 1) window->tasks[thread.task].together_s += seconds;
    }
    now = next;
    for (Thread& thread : threads) {
      if (thread.until_ns > now || now >= span.end_ns) continue;
      thread.slice++;
      Enter(&thread, span, window);
    }
  }
  if (!asleep_.empty()) KeepAsleep(idle);
}

// Of the time when all cores before were idle that in which this one is, too.
void WindowCutter::KeepAsleep(const std::vector<Span>& idle) {
  std::vector<Span> both;
  for (size_t a = 0, b = 0; a < asleep_.size() && b < idle.size();) {
    const Span common{std::max(asleep_[a].begin_ns, idle[b].begin_ns),
                      std::min(asleep_[a].end_ns, idle[b].end_ns)};
    if (common.begin_ns < common.end_ns) both.push_back(common);
    // Both are in order of time: what ends first has nothing in common with what comes next.
    asleep_[a].end_ns < idle[b].end_ns ? a++ : b++;
  }
  asleep_.swap(both);
}

void WindowCutter::Discard(uint64_t before_ns) {
  for (Cpu& cpu : cpus_) {
    while (!cpu.slices.empty() && cpu.slices.front().until_ns <= before_ns) cpu.slices.pop_front();
    if (cpu.lost.end_ns <= before_ns) cpu.lost = {0, 0};
  }
}
