// SPDX-License-Identifier: Apache-2.0
// The built page with figures of one's choice behind it: for pictures and benchmarks.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const { serve } = require('../../dist/http/server.js');
const { createPage } = require('../../dist/web/server/page.js');

/** 195 snapshots of a second: a build, a server under load, a batch, in containers and sessions. */
export function recording() {
  const packed = readFileSync(new URL('../fixtures/recording.jsonl.br', import.meta.url));
  return brotliDecompressSync(packed).toString().trimEnd().split('\n').map(JSON.parse);
}

/** A machine of `cores` with `live` processes in `cgroups`, of whom some come and go; ends at `time`, ms. */
export function crowd({ live, cgroups, cores, time, kind = 'measured', busy = 0.7 }) {
  const second = Math.round(time / 1000);
  const random = (a, b) => {
    const x = Math.sin(a * 127.1 + b * 311.7) * 43758.5453;
    return x - Math.floor(x);
  };
  const names = [
    'node',
    'postgres',
    'nginx',
    'java',
    'python3',
    'redis-server',
    'envoy',
    'go',
    'ruby',
    'php-fpm',
  ];
  const error = kind === 'measured' ? 0.06 : null;
  const processes = Array.from({ length: live }, (_, i) => {
    const container = Math.floor(random(i, 1) ** 2 * cgroups);
    const energy = (20 / (i + 3)) * (0.6 + 0.8 * random(i, second)) * busy * (cores / 16);
    const id = (container + 1).toString(16).padStart(4, '0').repeat(16);
    const pod = `0000${(container >> 1).toString(16).padStart(4, '0')}-aaaa-4bbb-8ccc-dddddddddddd`;
    return {
      pid: 1000 + i,
      creation_time: '2026-01-01T00:00:00.000Z',
      executable: names[Math.floor(random(i, 2) * names.length)],
      cgroup: `/kubepods/burstable/pod${pod}/${id}`,
      container_id: id,
      energy_j: energy,
      energy_err_j: error === null ? null : energy * error,
      power_w: energy,
      cpu_time_s: Math.min(1, energy / 4),
      exited: i % 50 === 49,
      kernel: false,
    };
  });
  const groups = new Map();
  for (const { cgroup, container_id, energy_j } of processes) {
    const former = groups.get(cgroup)?.energy_j ?? 0;
    const pod_uid = /\/pod([^/]+)/.exec(cgroup)[1];
    groups.set(cgroup, {
      id: cgroup,
      path: cgroup,
      container_id,
      container_runtime: 'containerd',
      pod_uid,
      unit: null,
      energy_j: former + energy_j,
      power_w: former + energy_j,
      cpu_time_s: 0,
      names: { k8sNamespace: 'shop', k8sPod: `web-${pod_uid.slice(4, 8)}`, k8sContainer: 'app' },
    });
  }
  const process_j = processes.reduce((sum, { energy_j }) => sum + energy_j, 0);
  const idle_j = cores * 0.9;
  const shared_j = cores * 0.12;
  return {
    schema: 'joules.snapshot/1',
    time: new Date(time).toISOString(),
    interval_s: 1,
    source: {
      name: kind === 'measured' ? 'power_core' : kind === 'estimated' ? 'estimated' : 'power',
      kind,
      scope: 'core',
      domain: 'cpu',
    },
    totals: { counter_j: process_j + idle_j + shared_j, process_j, idle_j, unattributed_j: shared_j },
    unattributed: { gap_j: 0, lost_j: 0, shared_j },
    cores: Array.from({ length: cores }, (_, core) => {
      const part = (process_j * (0.2 + random(core, second >> 2))) / (0.7 * cores);
      return { id: `0:${core}`, cpus: [core], counter_j: part + idle_j / cores, idle_j: idle_j / cores };
    }),
    zones: [
      {
        id: 'package:0',
        parent: null,
        counter_j: process_j + idle_j + shared_j,
        idle_j,
        gap_j: 0,
        lost_j: 0,
        shared_j,
        attribution: null,
      },
    ],
    domains: [],
    processes,
    cgroups: [...groups.values()],
    self: {
      energy_j: 0.012,
      cpu_time_s: 0.004,
      switches: 84_000,
      lost: 0,
      skipped: 0,
      rebinds: 0,
      gaps: 0,
      resets: 0,
      wraps: 0,
      series: 0,
    },
  };
}

/** Serves the page with these snapshots as its history. */
export async function stage(
  snapshots,
  { host = 'node-7', kind = snapshots[0]?.source.kind ?? 'estimated', scope = 'cpu' } = {},
) {
  const page = createPage({ host, agent: '0.1.0', namesProcesses: true });
  const name = { estimated: 'estimated', measured: 'power_core', apportioned: 'power' }[kind];
  page.begin({ source: { name, kind, scope }, rejected: [] }, 1000);
  for (const snapshot of snapshots) page.add(snapshot);
  const server = await serve({
    address: { host: '127.0.0.1', port: 0 },
    routes: page.routes,
    log: console.error,
  });
  const close = async () => {
    page.close();
    await server.close();
  };
  return { origin: server.origin, add: page.add, viewers: page.viewers, close };
}

/** Debian's Chromium, with a profile of its own. */
export async function browser() {
  const profile = mkdtempSync(join(tmpdir(), 'joules-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: CHROMIUM_FLAGS,
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, profile, close };
}

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
