/**
 * A world for clicks.js that the test owns: time, network, storage, chance.
 *
 * Requests are answered with `answers` in turn, and with the last of them from then on: a status, "down" (no
 * connection), "hang" (no answer) or { status, retryAfter }.
 */

import { createClickRecorder } from "/clicks.js";

const ENDPOINT = "https://api.test/prod/"; // with the slash that people leave there

export function makeWorld({ answers = [200], stored = {}, user = null, random = 0.5, limits = {}, broken = false }) {
  const session = new Map(Object.entries(stored));
  const world = { now: 0, requests: [], online: true, hidden: false, timers: [] };
  let answered = 0;
  let page = null;

  function fetch(url, options) {
    world.requests.push({ at: world.now, url, ...options, clicks: [JSON.parse(options.body)].flat() });
    const answer = answers[Math.min(answered++, answers.length - 1)];
    if (answer === "down") return Promise.reject(new TypeError("Failed to fetch"));
    if (answer === "hang") {
      return new Promise((_, reject) => {
        options.signal.addEventListener("abort", () => reject(options.signal.reason));
      });
    }
    const { status, retryAfter } = typeof answer === "number" ? { status: answer } : answer;
    const headers = retryAfter ? { "Retry-After": retryAfter } : {};
    return Promise.resolve(new Response("{}", { status, headers }));
  }

  function kept(storage) {
    if (broken) throw new DOMException("no storage here", "SecurityError");
    return storage;
  }

  const storage = {
    getItem: (key) => session.get(key) ?? null,
    setItem: (key, value) => session.set(key, value),
    removeItem: (key) => session.delete(key),
  };

  /** Opens a page of the site: a recorder that finds what the page before it stored. */
  world.open = () => {
    const events = new EventTarget();
    const opened = { events };
    page = opened;
    // A page that is gone hears no answer any more.
    const whileOpen = (promise) =>
      new Promise((resolve, reject) => {
        const heard = (then) => (value) => page === opened && then(value);
        promise.then(heard(resolve), heard(reject));
      });
    return createClickRecorder({
      endpoint: ENDPOINT,
      limits,
      fetch: (...request) => whileOpen(fetch(...request)),
      events,
      storage: () => kept(storage),
      users: () => kept({ getItem: (key) => (key === "userId" ? user : null) }),
      online: () => world.online,
      hidden: () => world.hidden,
      now: () => world.now,
      random: () => random,
      setTimer: (call, delay) => {
        const timer = { call, at: world.now + delay };
        world.timers.push(timer);
        return timer;
      },
      clearTimer: (timer) => world.clear(timer),
    });
  };

  /** Everything that promises have in store at this moment. */
  async function settled() {
    for (let turn = 0; turn < 50; turn++) await null;
  }

  world.pass = async (milliseconds) => {
    const end = world.now + milliseconds;
    await settled();
    for (;;) {
      const next = world.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      world.clear(next);
      world.now = next.at;
      next.call();
      await settled();
    }
    world.now = end;
  };
  world.clear = (timer) => {
    world.timers = world.timers.filter((other) => other !== timer);
  };
  world.hide = async () => {
    world.hidden = true;
    page.events.dispatchEvent(new Event("visibilitychange"));
    await settled();
  };
  world.leave = () => {
    page.events.dispatchEvent(new Event("pagehide"));
    world.crash();
  };
  /** The page is gone without a word, and with it whatever it meant to do later. */
  world.crash = () => {
    page = null;
    world.timers = [];
  };
  world.stored = () =>
    JSON.parse(session.get("clicks https://api.test/prod/clicks") ?? "[]").map(({ mysfitId }) => mysfitId);
  world.seen = () => world.requests.map(({ at, clicks }) => [at, clicks.map(({ mysfitId }) => mysfitId)]);
  return world;
}
