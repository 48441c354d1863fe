// SPDX-License-Identifier: Apache-2.0
// attach-crowd.mjs SOCKET KIND [COUNT]: what connects to the agent's socket until its stdin ends. `fair` asks COUNT connections in
// turn, 10 times a second each, and prints how long each answer took, in ms, as JSON, with how many were refused.
import { connect } from 'node:net';

const [path, kind, count = '8'] = process.argv.slice(2);
const took = [];
let refused = 0;
let ended = false;

const open = (onOpen, onClose = () => {}) => {
  const socket = connect(path);
  socket.on('error', () => {});
  socket.once('connect', () => onOpen(socket));
  socket.once('close', () => !ended && onClose());
  return socket;
};
const again = (what) => open(what, () => setTimeout(again, 5, what));
const request = Buffer.from('{"id":1,"scope":"self"}\n');

const KINDS = {
  fair() {
    const socket = open(
      () => {},
      () => refused++,
    );
    let text = '';
    let since;
    const ask = () => {
      since = performance.now();
      socket.write(request);
    };
    socket.on('data', (data) => {
      text += data;
      if (!text.includes('\n')) return;
      text = '';
      if (since === undefined) {
        setTimeout(ask, Math.random() * 100);
        return;
      }
      took.push(performance.now() - since);
      setTimeout(ask, 100);
    });
  },
  /** Comes and goes. */
  restless: () =>
    again((socket) => {
      socket.resume();
      setTimeout(() => socket.destroy(), 1);
    }),
  /** Asks, and never reads. */
  deaf: () =>
    again((socket) => {
      const some = Buffer.concat(Array.from({ length: 1000 }, () => request));
      const write = () => {
        while (!socket.destroyed && socket.write(some));
        socket.once('drain', write);
      };
      socket.pause();
      write();
    }),
  long: () =>
    again((socket) => {
      socket.resume();
      socket.write(Buffer.alloc(1_000_000, 'x'));
    }),
  half: () =>
    again((socket) => {
      socket.resume();
      socket.write('{"id":1,');
    }),
  /** Is stopped while it waits for an answer. */
  stopped: () => again((socket) => socket.write('{"id":1,"scope":"self","next":true}\n')),
};

for (let i = 0; i < Number(count); i++) KINDS[kind]();
if (kind === 'stopped') setTimeout(() => process.kill(process.pid, 'SIGSTOP'), 500);
process.stdin.resume().once('end', () => {
  ended = true;
  console.log(JSON.stringify({ took, refused }));
  process.exit();
});
