// SPDX-License-Identifier: Apache-2.0
#pragma once

// libbpf's messages go to stderr by default. This puts an end to that for the process, until they are asked
// for: what users need of them is in the status and the step.
void TakeLibbpfLog();

// Whether libbpf's messages are printed; may be called by any thread.
void SetLibbpfVerbose(bool verbose);
