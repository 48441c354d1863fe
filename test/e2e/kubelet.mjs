// SPDX-License-Identifier: Apache-2.0
// A kubelet as far as the agent asks it: GET /pods. It knows a container some seconds after it has begun.
import { createServer } from 'node:http';
import { once } from 'node:events';

const LATE_MS = 2000;

export async function startKubelet() {
  const pods = new Map();
  const server = createServer((request, response) => {
    const items = [...pods.values()].filter(({ since }) => Date.now() - since >= LATE_MS).map(podOf);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ kind: 'PodList', apiVersion: 'v1', items }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** A pod with one container: { uid, id, namespace, pod, container }. */
    add: (one) => pods.set(one.id, { ...one, since: Date.now() }),
    remove: (id) => pods.delete(id),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function podOf({ uid, id, namespace, pod, container }) {
  const image = `registry.example/${container}:1.0`;
  return {
    metadata: { name: pod, namespace, uid },
    status: { containerStatuses: [{ name: container, image, containerID: `containerd://${id}` }] },
  };
}
