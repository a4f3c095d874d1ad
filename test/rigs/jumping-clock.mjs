// Preloaded into a program: its wall clock jumps by hours and years, forwards and backwards, at every few readings.
// JUMPING_CLOCK is the seed.
const HOUR = 3_600_000;
const JUMPS = [0, HOUR, -HOUR, 24 * HOUR, -24 * HOUR, 90_000 * HOUR, -90_000 * HOUR];
const RealDate = Date;
let state = Number(process.env.JUMPING_CLOCK ?? 1);
let offset = 0;

function next() {
  // Numerical Recipes' linear congruential generator: the same jumps for the same seed.
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

function now() {
  if (next() < 0.3) offset = JUMPS[Math.floor(next() * JUMPS.length)] ?? 0;
  return RealDate.now() + offset;
}

globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [now()] : args));
  }
  static now() {
    return now();
  }
};
