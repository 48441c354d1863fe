// SPDX-License-Identifier: Apache-2.0
// TypeScript 7 has no compiler API for ts-jest; @swc/jest only strips types, `npm run check` checks them.
const swc = [
  '@swc/jest',
  {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  },
];
module.exports = {
  transform: { '\\.ts$': swc, '/get-east-asian-width/.*\\.js$': swc },
  // Node takes a module of this kind from `require` as well, jest does not.
  transformIgnorePatterns: ['/node_modules/(?!get-east-asian-width/)'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // What takes minutes to build is for `npm run test:hostile`.
  testPathIgnorePatterns: process.env.JOULES_HOSTILE === 'long' ? [] : ['<rootDir>/test/hostile/sanitizers'],
  // The kernel tests measure this whole machine: one test file at a time.
  maxWorkers: 1,
  // Most need a second or two. A crowded machine may keep a process from running for half a minute at a time: only
  // what hangs takes as long as this. Longer than what tests wait for by themselves, which can say what it was.
  testTimeout: 600_000,
  reporters: ['default', '<rootDir>/test/support/plain-reporter.js'],
};
