/**
 * Records clicks on mysfits and sends them to the clicks API, a few at a time.
 *
 *   <meta name="clicks-endpoint" content="https://….execute-api.….amazonaws.com/prod">
 *   <script type="module" src="clicks.js"></script>
 *
 * From then on an element with data-record-click="<mysfitId>" records its clicks by itself, and any
 * script can `import { recordClick } from "./clicks.js"`. A page with needs of its own calls createClickRecorder.
 *
 * What it promises the page: it never throws, never blocks, and keeps its storage and its traffic bounded.
 * What it promises about a click: sent until the API accepts it or says that it never will. A click may arrive
 * twice (when a page ends before it hears the answer), and is lost only with the tab or in an API's long outage.
 */

export const LIMITS = Object.freeze({
  batchDelay: 1_000, // ms that a click waits for others
  clicksPerRequest: 100, // what the API accepts
  bytesPerRequest: 60_000, // a browser allows 64 KiB of keepalive bodies in flight
  queue: 500, // clicks that are kept; the oldest go first
  requestTimeout: 30_000, // API Gateway itself answers within 29 s
  firstRetry: 1_000, // doubled with each failure ...
  slowestRetry: 60_000, // ... up to here, and any delay in between is as likely (full jitter)
  longestRetryAfter: 3_600_000,
});

const MYSFIT_ID = /^[A-Za-z0-9_-]{1,64}$/;
const LONGEST_USER_ID = 128;

/**
 * A recorder of clicks for one clicks API.
 *
 * `endpoint` is the API's base, without /clicks. The rest is the world, for tests and for unusual pages: `storage`
 * keeps clicks over a reload, `users` holds the visitor's userId, `events` is what tells that the page is left.
 */
export function createClickRecorder({
  endpoint,
  limits = {},
  fetch = (...args) => globalThis.fetch(...args),
  storage = () => globalThis.sessionStorage,
  users = () => globalThis.localStorage,
  events = globalThis,
  online = () => globalThis.navigator?.onLine !== false,
  hidden = () => globalThis.document?.visibilityState === "hidden",
  now = () => Date.now(),
  random = () => Math.random(),
  setTimer = (call, delay) => setTimeout(call, delay),
  clearTimer = (timer) => clearTimeout(timer),
} = {}) {
  const { batchDelay, clicksPerRequest, bytesPerRequest, queue, ...pace } = { ...LIMITS, ...limits };
  const url = `${String(endpoint).replace(/\/+$/, "")}/clicks`;
  const storageKey = `clicks ${url}`;

  let waiting = read(storage, storageKey).slice(-queue);
  const sending = new Set(); // batches on their way
  let failures = 0; // in a row
  let notBefore = 0; // the API asked for silence until then
  let timer = null;

  function record(mysfitId) {
    const click = { userId: userId(users), mysfitId };
    if (!isClick(click)) return false;
    waiting.push(click);
    waiting = waiting.slice(-queue);
    save();
    if (sending.size === 0) schedule(batchDelay);
    return true;
  }

  function schedule(delay) {
    if (timer === null) timer = setTimer(sendDue, delay);
  }

  function unschedule() {
    if (timer !== null) clearTimer(timer);
    timer = null;
  }

  function sendDue() {
    timer = null;
    const batch = nextBatch(bytesPerRequest);
    if (batch) send(batch);
  }

  /** Takes what fits into one request out of the queue; null if there is nothing, or nothing that fits. */
  function nextBatch(bytes) {
    let count = Math.min(waiting.length, clicksPerRequest);
    while (count > 0) {
      const clicks = waiting.slice(0, count);
      const body = JSON.stringify(count === 1 ? clicks[0] : clicks);
      const size = new TextEncoder().encode(body).length;
      if (size <= bytes) {
        waiting = waiting.slice(count);
        return { clicks, body, size };
      }
      count = Math.floor(count / 2);
    }
    return null;
  }

  async function send(batch) {
    sending.add(batch);
    const { accepted, refused, retryAfter } = await request(batch.body);
    sending.delete(batch);
    if (accepted || refused) {
      failures = 0;
      notBefore = 0;
      if (refused) console.warn(`clicks: ${url} refused ${batch.clicks.length} click(s) with status ${refused}`);
    } else {
      failures += 1;
      notBefore = retryAfter ? now() + retryAfter : 0;
      waiting = [...batch.clicks, ...waiting].slice(-queue);
    }
    save();
    if (waiting.length > 0 && sending.size === 0) {
      unschedule();
      schedule(failures > 0 ? pause() : batchDelay);
    }
  }

  /** One PUT: accepted, refused for good (its status), or neither, which is worth another try. */
  async function request(body) {
    const controller = new AbortController();
    const timeout = setTimer(() => controller.abort(), pace.requestTimeout);
    try {
      const response = await fetch(url, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body,
        // The browser finishes the request even when the page is gone by then.
        keepalive: true,
        credentials: "omit",
        signal: controller.signal,
      });
      if (response.ok) return { accepted: true };
      if (response.status !== 429 && response.status < 500) return { refused: response.status };
      return { retryAfter: milliseconds(response.headers.get("Retry-After"), now()) };
    } catch {
      return {}; // no connection, no answer in time, or an answer that CORS hides
    } finally {
      clearTimer(timeout);
    }
  }

  function pause() {
    const ceiling = Math.min(pace.slowestRetry, pace.firstRetry * 2 ** (failures - 1));
    const asked = Math.min(notBefore - now(), pace.longestRetryAfter);
    return Math.max(random() * ceiling, asked);
  }

  /** Sends what waits at once: this may be the page's last moment. */
  function flush() {
    if (now() < notBefore) return;
    unschedule();
    let room = bytesPerRequest;
    for (const batch of sending) room -= batch.size;
    for (let batch = nextBatch(room); batch; batch = nextBatch(room)) {
      room -= batch.size;
      send(batch);
    }
    if (waiting.length > 0 && sending.size === 0) schedule(batchDelay);
  }

  /**
   * Leaving for good or for the next page of the site, nobody knows which. The browser finishes what is on its way, so
   * the next page sends it again only if the API was failing; otherwise every click on a link would count twice.
   */
  function leave() {
    flush();
    if (failures === 0 && online()) write(storage, storageKey, waiting);
  }

  function save() {
    write(storage, storageKey, [...[...sending].flatMap((batch) => batch.clicks), ...waiting]);
  }

  events?.addEventListener?.("visibilitychange", () => hidden() && flush(), true);
  events?.addEventListener?.("pagehide", leave);
  if (waiting.length > 0) schedule(batchDelay);

  return {
    /** Takes a click; false if it is none that the API would ever accept. */
    record,
    flush,
    /** Clicks that the API has not answered for yet. */
    get pending() {
      return [...sending].reduce((count, batch) => count + batch.clicks.length, waiting.length);
    },
  };
}

/** The visitor as the site knows them, or `guest`. */
function userId(users) {
  const known = attempt(() => users().getItem("userId"));
  return isUserId(known) ? known : "guest";
}

function isUserId(value) {
  return typeof value === "string" && value !== "" && [...value].length <= LONGEST_USER_ID;
}

function isClick(value) {
  return isUserId(value?.userId) && typeof value.mysfitId === "string" && MYSFIT_ID.test(value.mysfitId);
}

// Storage may be full, forbidden, or hold another's words. Then a click lives in memory only.
function read(storage, key) {
  const stored = attempt(() => JSON.parse(storage().getItem(key)));
  if (!Array.isArray(stored)) return [];
  return stored.filter(isClick).map(({ userId, mysfitId }) => ({ userId, mysfitId }));
}

function write(storage, key, clicks) {
  attempt(() => (clicks.length ? storage().setItem(key, JSON.stringify(clicks)) : storage().removeItem(key)));
}

function attempt(call) {
  try {
    return call();
  } catch {
    return null;
  }
}

/** Retry-After, in seconds or as a date, as milliseconds from now; 0 if it says nothing that makes sense. */
function milliseconds(retryAfter, now) {
  if (!retryAfter) return 0;
  const wait = /^\s*\d+\s*$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now;
  return wait > 0 ? wait : 0;
}

const meta = globalThis.document?.querySelector('meta[name="clicks-endpoint"]');
const clicksPerRequest = Number(meta?.dataset.clicksPerRequest) || LIMITS.clicksPerRequest;
// Made at once, not with the first click: the page before may have left some behind.
const recorder = meta?.content ? createClickRecorder({ endpoint: meta.content, limits: { clicksPerRequest } }) : null;

/** Records a click with the API that the page's <meta name="clicks-endpoint"> names; false if it cannot be one. */
export function recordClick(mysfitId) {
  return recorder?.record(mysfitId) ?? false;
}

if (recorder) {
  document.addEventListener(
    "click",
    (event) => {
      const marked = event.target.closest?.("[data-record-click]");
      if (marked) recordClick(marked.dataset.recordClick);
    },
    true, // whatever the page itself does with the click
  );
}
