// SPDX-License-Identifier: Apache-2.0
// A local user who wishes a server ill, until it is killed: flooder.mjs KIND HOST PORT. Prints how many connections it has
// made, when asked to by a line on stdin.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const [kind, host, port] = process.argv.slice(2);
const REQUEST = `GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n`;
let made = 0;

/** A connection that sends `text` at once and is dropped when it is cut off. */
function open(text, then = () => {}) {
  const socket = connect(Number(port), host);
  socket.on('error', () => {});
  socket.once('connect', () => made++);
  socket.once('close', then);
  socket.resume();
  if (text !== '') socket.write(text);
  return socket;
}

/** As many as `count` at a time, each opened anew when it is cut off. */
function keepOpen(count, text) {
  for (let i = 0; i < count; i++) {
    const again = () => setTimeout(() => open(text, again), 20);
    open(text, again);
  }
}

const FLOODS = {
  /** 200 new connections every 300 ms, which say nothing. */
  async silent() {
    for (;;) {
      for (let i = 0; i < 200; i++) open('');
      await sleep(300);
    }
  },
  /** 200 new connections every 300 ms, each with a request of its own. */
  async eager() {
    for (;;) {
      for (let i = 0; i < 200; i++) open(REQUEST);
      await sleep(300);
    }
  },
  /** 500 connections with half a request. */
  halfOpen: () => keepOpen(500, 'GET /metrics HTTP/1.1\r\nHost: local'),
  /** 100 connections with 1,000 requests each, sent at once. */
  pipelined: () => keepOpen(100, REQUEST.repeat(1000)),
  /** 100 scrapers of 100 names, which ask again as soon as they are answered. */
  restless() {
    for (let i = 0; i < 100; i++) {
      const request = REQUEST.replace('\r\n\r\n', `\r\nUser-Agent: scraper ${i}\r\n\r\n`);
      const begin = () => {
        const socket = open(request, () => setTimeout(begin, 20));
        socket.on('data', (piece) => {
          // The last line of a page; a 503 has a line, too.
          if (piece.at(-1) === 10) socket.write(request);
        });
      };
      begin();
    }
  },
  /** 100 connections that ask for a page and read none of it. */
  deaf() {
    for (let i = 0; i < 100; i++) {
      const begin = () => open(REQUEST, () => setTimeout(begin, 20)).pause();
      begin();
    }
  },
};

createInterface({ input: process.stdin }).on('line', () => console.log(made));
await FLOODS[kind]();
