/**
 * Records clicks on mysfits and sends them to the clicks API, a few at a time.
 *
 *   <meta name="clicks-endpoint" content="https://….execute-api.….amazonaws.com/prod">
 *   <script type="module" src="clicks.js"></script>
 *
 * From then on an element with data-record-click="<mysfitId>" records its clicks by itself, and any
 * script can `import { recordClick } from "./clicks.js"`. A page with needs of its own calls createClickRecorder.
 *
 * A site with its own definition of a click has it on the meta element, as `mysfits-stream snippet` prints it:
 * data-click='{"fields": …, "user": …, "key": …}'. Then data-record-click holds the key, and data-click-<field>
 * any other field: <a data-record-click="4711" data-click-campaign="may">.
 *
 * What it promises the page: it never throws, never blocks, and keeps its storage and its traffic bounded.
 * What it promises about a click: sent until the API accepts it or says that it never will. A click may arrive
 * twice (when a page ends before it hears the answer), with the same clickId, so that readers count it once. It is
 * lost only with the tab or in an API's long outage. The user is `guest` where the browser asks for privacy (GPC).
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

/** The workshop's click: JSON Schema by field, the field of the user, and the field that names what was clicked. */
export const MYSFIT_CLICK = Object.freeze({
  fields: {
    userId: { type: "string", minLength: 1, maxLength: 128, required: true },
    mysfitId: { type: "string", pattern: "^[A-Za-z0-9_-]{1,64}$", required: true },
  },
  user: "userId",
  key: "mysfitId",
});

const GUEST = "guest";
const CLICK_ID = /^[A-Za-z0-9_-]{8,64}$/;

/**
 * A recorder of clicks for one clicks API.
 *
 * `endpoint` is the API's base, without /clicks; `click` the definition of a click. The rest is the world, for tests
 * and for unusual pages: `storage` keeps clicks over a reload, `users` holds the visitor's id under the name of the
 * user's field, `events` is what tells that the page is left, `isPrivate` whether the visitor asks for privacy.
 */
export function createClickRecorder({
  endpoint,
  click: definition = MYSFIT_CLICK,
  limits = {},
  isPrivate = () => globalThis.navigator?.globalPrivacyControl === true,
  newId = randomId,
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

  let waiting = read(storage, storageKey, definition).slice(-queue);
  const sending = new Set(); // batches on their way
  let failures = 0; // in a row
  let notBefore = 0; // the API asked for silence until then
  let timer = null;

  function record(clicked) {
    const given = typeof clicked === "object" && clicked !== null ? clicked : { [definition.key]: clicked };
    const click = {};
    for (const name of Object.keys(definition.fields)) {
      const value = name === definition.user && !given[name] ? userId(users, definition) : given[name];
      if (value !== undefined && value !== null) click[name] = value;
    }
    if (definition.user && isPrivate()) click[definition.user] = GUEST;
    if (!isClick(click, definition)) return false;
    click.clickId = newId();
    waiting.push(click);
    waiting = waiting.slice(-queue);
    save();
    if (sending.size === 0) schedule(batchDelay);
    return click.clickId;
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
function userId(users, { fields, user }) {
  const known = attempt(() => users().getItem(user));
  return known !== "" && isValid(known, fields[user]) ? known : GUEST;
}

/** Whether the API's model accepts a click; fields that the definition does not know are left out before. */
function isClick(value, { fields }) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(fields).every(([name, schema]) =>
    Object.hasOwn(value, name) ? isValid(value[name], schema) : !schema.required,
  );
}

/** Whether a value is valid for its field, in the subset of JSON Schema that a definition has. */
function isValid(value, { type, minLength = 0, maxLength = Infinity, pattern, enum: choices, ...numbers }) {
  if (choices && !choices.includes(value)) return false;
  if (type === "boolean") return typeof value === "boolean";
  if (type === "string") {
    if (typeof value !== "string") return false;
    const { length } = [...value];
    return length >= minLength && length <= maxLength && (!pattern || new RegExp(pattern).test(value));
  }
  const { minimum = -Infinity, maximum = Infinity } = numbers;
  const isNumber = type === "integer" ? Number.isInteger(value) : Number.isFinite(value);
  return isNumber && value >= minimum && value <= maximum;
}

/** An id that no other click has; crypto.randomUUID is for secure pages only. */
function randomId() {
  const { crypto } = globalThis;
  if (crypto?.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Storage may be full, forbidden, or hold another's words. Then a click lives in memory only.
function read(storage, key, definition) {
  const stored = attempt(() => JSON.parse(storage().getItem(key)));
  if (!Array.isArray(stored)) return [];
  const names = [...Object.keys(definition.fields), "clickId"];
  return stored
    .filter((click) => isClick(click, definition) && (click.clickId === undefined || CLICK_ID.test(click.clickId)))
    .map((click) => Object.fromEntries(names.filter((name) => name in click).map((name) => [name, click[name]])));
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

/** What an element records: the key in data-record-click, other fields in data-click-<field>, in any case. */
function clickOf({ dataset }, { fields, key }) {
  const texts = Object.fromEntries(
    Object.entries(dataset).map(([name, text]) => [name.replace(/^click(?=[A-Z])/, "click-").toLowerCase(), text]),
  );
  const click = {};
  for (const [name, { type }] of Object.entries(fields)) {
    const text = name === key ? dataset.recordClick : texts[`click-${name.toLowerCase()}`];
    if (text === undefined || text === "") continue;
    click[name] = type === "string" ? text : attempt(() => JSON.parse(text));
  }
  return click;
}

const meta = globalThis.document?.querySelector('meta[name="clicks-endpoint"]');
/** The definition of a click that the page's <meta name="clicks-endpoint"> has, else the workshop's. */
export const definition = attempt(() => JSON.parse(meta.dataset.click)) ?? MYSFIT_CLICK;
const clicksPerRequest = Number(meta?.dataset.clicksPerRequest) || LIMITS.clicksPerRequest;
// Made at once, not with the first click: the page before may have left some behind.
const recorder = meta?.content
  ? createClickRecorder({ endpoint: meta.content, click: definition, limits: { clicksPerRequest } })
  : null;

/**
 * Records a click with the API that the page's <meta name="clicks-endpoint"> names: the click's id, or false if it
 * cannot be one.
 *
 * `clicked` is the key of what was clicked, or an object of fields. The user's field may be left out.
 */
export function recordClick(clicked) {
  return recorder?.record(clicked) ?? false;
}

if (recorder) {
  document.addEventListener(
    "click",
    (event) => {
      const marked = event.target.closest?.("[data-record-click]");
      if (marked) recordClick(clickOf(marked, definition));
    },
    true, // whatever the page itself does with the click
  );
}
