// SPDX-License-Identifier: Apache-2.0

/** The most that may be wrong, in %, as means of some seeds. */
export interface Goal {
  /** Share error after 5 and after 60 s. */
  readonly share5: number;
  readonly share60: number;
  /** Misattributed after 60 s. */
  readonly misattributed60: number;
  /** Share error of executables after 60 s. */
  readonly executables60?: number;
}

const goal = (share5: number, share60: number, misattributed60: number): Goal => ({
  share5,
  share60,
  misattributed60,
});

/** Where all tasks draw the same, time is right: what is learned must not be worse by more than this. */
export const WORSE_THAN_TIME = 0.5;
/** Shared and idle, charged - true, as a part of all energy, after 60 s, %. */
export const OTHER = 7;
export const OTHER_PINNED = 14;
/** At least so many tasks are within two standard deviations, %. */
export const WITHIN_2 = 90;

/** By size (packages x threads of each) and load. */
export const GOALS: Readonly<Record<string, Readonly<Record<string, Goal>>>> = {
  '1x4': {
    batch: goal(10, 5, 8),
    homog: goal(WORSE_THAN_TIME, WORSE_THAN_TIME, 10),
    server: goal(5, 6, 17),
    quiet: goal(5, 4, 8),
    shorts: { ...goal(12, 11, 12), executables60: 5 },
    hotlight: goal(2, 2, 12),
    containers: goal(6, 4, 8),
    smt: goal(13, 6, 10),
    turbo: goal(5, 3, 7),
    shift: goal(8, 7, 10),
    pinned: goal(20, 8, 23),
    lockstep: goal(5, 4, 6),
    mean: goal(6.5, 4.2, 9.5),
  },
  '1x16': {
    batch: goal(7, 6, 9),
    homog: goal(WORSE_THAN_TIME, WORSE_THAN_TIME, 6),
    server: goal(4.5, 4.5, 7),
    quiet: goal(4.5, 4, 7),
    shorts: { ...goal(12, 11, 12), executables60: 5 },
    hotlight: goal(3, 3, 5),
    containers: goal(6, 5, 10),
    smt: goal(21, 15, 16),
    turbo: goal(7, 5, 7),
    shift: goal(7, 7, 8),
    pinned: goal(45, 17, 19),
    lockstep: goal(12, 7, 9),
    mean: goal(10, 6.2, 8.5),
  },
  '1x64': {
    batch: goal(11, 6.5, 10),
    homog: goal(WORSE_THAN_TIME, WORSE_THAN_TIME, 7),
    server: goal(7, 5, 7),
    quiet: goal(6, 5, 6),
    shorts: { ...goal(12, 11, 12), executables60: 5 },
    hotlight: goal(6, 5, 6),
    containers: goal(8, 5, 7),
    smt: goal(36, 22, 22),
    turbo: goal(10, 6, 7),
    shift: goal(12, 11, 12),
    pinned: goal(45, 30, 31),
    lockstep: goal(9, 14, 16),
    mean: goal(13, 9, 11),
  },
  '2x64': {
    batch: goal(11, 6, 8),
    homog: goal(WORSE_THAN_TIME, WORSE_THAN_TIME, 4),
    server: goal(6, 5, 6),
    quiet: goal(6, 5, 6),
    shorts: { ...goal(12, 11, 12), executables60: 5 },
    hotlight: goal(6, 5, 5),
    containers: goal(7, 5, 8),
    smt: goal(20, 16, 16),
    turbo: goal(13, 10, 11),
    shift: goal(11, 10, 12),
    pinned: goal(42, 25, 26),
    lockstep: goal(9, 10, 13),
    mean: goal(12, 8, 10),
  },
};
