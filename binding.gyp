{
  'variables': {
    'bpf_out': '<(SHARED_INTERMEDIATE_DIR)/bpf',
    # Debian keeps bpftool in /usr/sbin, which is not in every PATH.
    'bpftool': '<!(PATH="$PATH:/usr/sbin:/sbin" command -v bpftool || echo bpftool)',
    'strict': ['-Wall', '-Wextra', '-Wno-missing-field-initializers', '-fvisibility=hidden'],
    'cxx': ['-std=c++17', '-fno-exceptions'],
  },
  'targets': [
    {
      'target_name': 'energy_bpf',
      'type': 'none',
      'actions': [
        {
          'action_name': 'compile',
          'inputs': ['bpf/energy.bpf.c', 'bpf/energy.h', 'bpf/energy_model.h', 'bpf/energy_events.h',
                     'bpf/energy_spills.h',
                     'bpf/vmlinux.h', 'bpf/kernel.bpf.h', 'bpf/settings.bpf.h', 'bpf/arithmetic.bpf.h',
                     'bpf/maps.bpf.h', 'bpf/power_model.bpf.h', 'bpf/learning.bpf.h', 'bpf/phase.bpf.h',
                     'bpf/table.bpf.h', 'bpf/smt.bpf.h', 'bpf/counter.bpf.h', 'bpf/window.bpf.h',
                     'bpf/clock.bpf.h', 'bpf/charge.bpf.h', 'bpf/gate.bpf.h', 'bpf/log.bpf.h',
                     'bpf/cpu.bpf.h', 'bpf/hotplug.bpf.h', 'bpf/lifecycle.bpf.h'],
          'outputs': ['<(bpf_out)/energy.bpf.o'],
          'action': ['clang', '-O2', '-g', '-Wall', '-Werror', '-target', 'bpf', '-mcpu=v3', '-D__TARGET_ARCH_x86',
                     '-ffile-prefix-map=<(module_root_dir)=.', '-c', 'bpf/energy.bpf.c', '-o', '<@(_outputs)'],
        },
        {
          'action_name': 'skeleton',
          'inputs': ['<(bpf_out)/energy.bpf.o'],
          'outputs': ['<(bpf_out)/energy.skel.h'],
          'action': ['sh', '-c', '<(bpftool) gen skeleton <(bpf_out)/energy.bpf.o name energy_bpf > <@(_outputs)'],
        },
      ],
    },
    {
      # All that measures, without JavaScript: tests and benchmarks of native/ link with it as well.
      'target_name': 'probe',
      'type': 'static_library',
      'standalone_static_library': 1,
      'dependencies': ['energy_bpf'],
      'sources': ['native/actor_states.cc', 'native/actors.cc', 'native/alarm.cc', 'native/binder.cc',
                  'native/calibration.cc', 'native/cgroup_subsys.cc', 'native/core_learner.cc',
                  'native/core_model.cc', 'native/count_unit.cc', 'native/counter_reader.cc',
                  'native/drained.cc', 'native/drainer.cc', 'native/event_ring.cc', 'native/kalman.cc',
                  'native/kernel_btf.cc', 'native/learner.cc', 'native/learning.cc', 'native/lifecycle_log.cc', 'native/mapped_ring.cc',
                  'native/package_calibration.cc', 'native/package_model.cc', 'native/package_prices.cc',
                  'native/perf_event.cc', 'native/power_correction.cc', 'native/probe.cc',
                  'native/probe_options.cc', 'native/program.cc', 'native/reliever.cc', 'native/roster.cc',
                  'native/row_reader.cc', 'native/switch_log.cc', 'native/thread_maker.cc',
                  'native/update_log.cc', 'native/update_period.cc', 'native/update_timer.cc',
                  'native/watch.cc', 'native/windows.cc', 'native/worker.cc'],
      'include_dirs': ['bpf', '<(bpf_out)'],
      'cflags': ['<@(strict)', '-fPIC'],
      'cflags_cc': ['<@(cxx)'],
    },
    {
      'target_name': 'energy',
      'dependencies': ['energy_bpf', 'probe'],
      'sources': ['native/addon.cc', 'native/arguments.cc', 'native/columns.cc', 'native/command.cc',
                  'native/libbpf_btf.cc', 'native/libbpf_log.cc', 'native/peer.cc', 'native/privileges.cc',
                  'native/probe_object.cc', 'native/task.cc'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")', 'bpf', '<(bpf_out)'],
      'defines': ['NAPI_VERSION=9', 'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
                  # A call may finish while its worker thread is being ended, where nothing can be thrown.
                  'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED'],
      'cflags': ['<@(strict)'],
      'cflags_cc': ['<@(cxx)'],
      # libbpf statically: its version is then the one that was tested. Debian compiles libbpf.a as PIE, not
      # PIC; the only thing in it that a shared object cannot link to is `stderr`, which libbpf_log.cc replaces.
      'libraries': ['-l:libbpf.a', '-lelf', '-lz'],
      'ldflags': ['-Wl,--wrap=stderr', '-Wl,--wrap=btf__load_vmlinux_btf', '-Wl,--exclude-libs,ALL'],
    },
    {
      # What `joules verify` runs to be measured.
      'target_name': 'joules-load',
      'type': 'executable',
      'sources': ['native/load.cc'],
      'cflags': ['<@(strict)'],
      'cflags_cc': ['<@(cxx)'],
      'ldflags': ['-pthread'],
    },
  ],
}
