// SPDX-License-Identifier: Apache-2.0
// replay-package THREADS PACKAGES PERIOD_NS HELD_UP: replays what a machine of packages does (frames.h, from
// standard input) through the source of bpf/ and the model of native/, and writes each interval that is
// drained (columns_out.h) to standard output.
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "columns_out.h"
#include "engine.h"
#include "frames.h"
#include "learning_replay.h"
#include "roster.h"
#include "row_reader.h"

namespace {

constexpr uint32_t kMostTasks = 1 << 22;      // as many as Linux has ids; memory is used as they come
constexpr uint64_t kFirstNs = 1'000'000'000;  // no clock begins at 0 (program.bpf.h)
Drained* spills_to;

engine OpenMachine(uint32_t threads) {
  const settings sizes{.cpus = threads, .zones = 1, .tasks = kMostTasks, .logs = true};
  engine machine = open_engine(&sizes);
  // BPF reads no counter of a package, and sees no siblings.
  for (uint32_t cpu = 0; cpu < threads; cpu++)
    machine.cpus[cpu].zone = machine.cpus[cpu].sibling = ENERGY_NONE;
  return machine;
}

void AddTasks(const std::vector<trace_task>& tasks, uint32_t from, engine* machine) {
  for (uint32_t i = 0; i < tasks.size(); i++) {
    task_struct* task = &machine->tasks[from + i];
    task->pid = task->tgid = from + i;
    task->start_ns = tasks[i].start_ns;
    task->cgroup = tasks[i].cgroup;
    memcpy(task->comm, tasks[i].comm, sizeof(task->comm));
  }
}

// A row of the overflow map has no energy here: BPF reads no counter.
void AddSpill(const energy_spill_key* key, const energy_spill* row) {
  auto& rows = spills_to->rows;
  auto& owners = spills_to->owners;
  rows.cpu.push_back(key->cpu);
  rows.pid.push_back(key->tgid);
  owners.start_ns.push_back(key->start_ns);
  owners.cgroup.push_back(key->cgroup);
  owners.comm.insert(owners.comm.end(), row->comm, row->comm + ENERGY_COMM);
  rows.label.push_back(key->label);
  rows.time_ns.push_back(row->time_ns);
  rows.counts.push_back(0);
  rows.uncertain_counts.push_back(0);
}

// What the meter's drain takes out, of all CPUs, which have swapped their buffers.
Drained TakeInterval(const engine& machine, uint32_t threads) {
  Drained drained;
  RowReader reader(1, threads, &drained);
  for (uint32_t cpu = 0; cpu < threads; cpu++) {
    energy_buffer* buffer = &machine.cpus[cpu].buffers[~machine.cpus[cpu].buffer & 1];
    if (buffer->lost_rows) fail("replay: the tasks do not fit into the overflow map", 0);
    reader.ReadBuffer(cpu, *buffer);
    drained.cpus.residual_counts.push_back(reader.Residual(cpu, *buffer));
    memset(static_cast<void*>(buffer), 0, offsetof(energy_buffer, cold));
  }
  spills_to = &drained;
  for (uint32_t buffer = 0; buffer < 2; buffer++) take_spills(buffer, AddSpill);
  return drained;
}

class Replay {
 public:
  // `held_up`: see machine.h.
  Replay(const ReplayedMachine& options, uint32_t held_up)
      : threads_(options.threads), machine_(OpenMachine(options.threads)), learning_(options, machine_) {
    machine_.machine->held_up = held_up;
  }

  void Add(const std::vector<trace_task>& tasks) {
    if (tasks_ + tasks.size() > kMostTasks) fail("replay: there are too many tasks", 0);
    AddTasks(tasks, tasks_, &machine_);
    tasks_ += tasks.size();
  }

  void Play(const trace_record& record) {
    if (record.kind == TRACE_EDGE) {
      learning_.AddEdge(record.cpu, record.time_ns + kFirstNs, record.value);
      return;
    }
    if (record.time_ns > now_ns_) learning_.Pass((now_ns_ = record.time_ns) + kFirstNs);
    run(&record, 1);
    if (record.kind == TRACE_DRAIN && record.cpu == threads_ - 1) Drain();
  }

 private:
  void Drain() {
    Drained drained = TakeInterval(machine_, threads_);
    roster_.List(&drained);
    drained.time_ns = now_ns_ + kFirstNs;
    learning_.Predict(&drained, (now_ns_ - drained_ns_) / 1e9);
    drained_ns_ = now_ns_;
    WriteColumns(drained, stdout);
  }

  uint32_t threads_;
  engine machine_;
  LearningReplay learning_;
  Roster roster_;
  uint32_t tasks_ = 1;  // 0 is idle
  uint64_t now_ns_ = 0, drained_ns_ = 0;
};

}  // namespace

extern "C" void fail(const char* what, int error) {
  fprintf(stderr, "replay-package: cannot %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
  exit(1);
}

int main(int argc, char** argv) {
  if (argc != 5) fail("begin: arguments are THREADS PACKAGES PERIOD_NS HELD_UP", 0);
  const uint32_t threads = atoi(argv[1]), packages = atoi(argv[2]);
  if (!threads || threads > MACHINE_CPUS || !packages) fail("begin: there are too many CPUs (machine.h)", 0);
  Replay replay({threads, packages, atof(argv[3])}, atoi(argv[4]));
  std::vector<trace_task> tasks;
  std::vector<trace_record> records;
  for (FrameHead head; fread(&head, sizeof(head), 1, stdin) == 1;) {
    if (head.kind == kTasks ? !ReadFrame(stdin, head.count, &tasks) : !ReadFrame(stdin, head.count, &records))
      fail("read a frame: it ends early", 0);
    if (head.kind == kTasks) replay.Add(tasks);
    if (head.kind == kRecords)
      for (const trace_record& record : records) replay.Play(record);
  }
  return 0;
}
