/**
 * The page: shows the mysfits, opens their profiles, and records that it did.
 *
 * Everything that a service says is put on the page as text, never as markup.
 */

import { definition, recordClick } from "./clicks.js";
import { draw } from "./drawings.js";

const FEED_INTERVAL = 1_000;
const LANDED_SHOWN = 4_000;

const settings = (name) => document.querySelector(`meta[name="${name}"]`).content;
const byId = (id) => document.getElementById(id);

const service = settings("mysfits-endpoint").replace(/\/+$/, "");
const filters = byId("filters");
const profile = byId("profile");
const arrived = new Map(); // rows of clicks that are shown, so that only new rows move
const sent = new Map(); // names of clicked mysfits by click id, until the click lands
const narrow = matchMedia("(max-width: 60rem)"); // the panel of arrivals is below the mysfits
let mysfits = [];

async function loadMysfits() {
  const main = byId("mysfits");
  main.setAttribute("aria-busy", "true");
  byId("trouble").hidden = true;
  try {
    const response = await fetch(`${service}/mysfits`, { credentials: "omit" });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    mysfits = (await response.json()).mysfits;
    arrived.clear(); // their rows have no names if the service could not be reached before
    showMysfits();
  } catch (error) {
    byId("trouble").hidden = false;
    byId("trouble").querySelector("p").textContent = `The mysfits are hiding: their service cannot be reached (${error.message}).`;
  }
  main.setAttribute("aria-busy", "false");
}

function showMysfits() {
  const wanted = new FormData(filters);
  const same = (one, other) => String(one).toLowerCase() === other.toLowerCase();
  const matches = (mysfit) => [...wanted].every(([key, value]) => value === "" || same(mysfit[key], value));
  const shown = mysfits.filter(matches);
  byId("grid").replaceChildren(...shown.map(card));
  byId("count").textContent = shown.length === mysfits.length
    ? `${mysfits.length} mysfits`
    : `${shown.length} of ${mysfits.length} mysfits`;
}

function card(mysfit) {
  const button = make("button", { type: "button", className: "card" }, [
    portrait(mysfit, mysfit.thumbImageUri),
    make("span", { className: "name", textContent: mysfit.name }),
    make("span", { className: "species", textContent: mysfit.species }),
    make("span", { className: "character" }, [badge(mysfit.goodevil), badge(mysfit.lawchaos)]),
  ]);
  button.setAttribute("aria-haspopup", "dialog");
  button.addEventListener("click", () => openProfile(mysfit));
  return make("li", {}, [button]);
}

function openProfile(mysfit) {
  const clickId = recordClick(mysfit.mysfitId);
  if (clickId) sent.set(clickId, mysfit.name);
  profile.querySelector(".portrait").replaceChildren(portrait(mysfit, mysfit.profileImageUri));
  for (const key of ["name", "species", "goodevil", "lawchaos", "description"]) {
    byId(`profile-${key}`).textContent = mysfit[key] ?? "";
  }
  byId("profile-age").textContent = years(Number(mysfit.age ?? NaN));
  profile.showModal();
}

function years(age) {
  return Number.isFinite(age) ? `${age.toLocaleString("en")} ${age === 1 ? "year" : "years"}` : "unknown";
}

/** The service's picture of a mysfit if this page may load it, and our drawing otherwise or until then. */
function portrait(mysfit, uri) {
  const holder = make("span", { className: "picture" }, [draw(mysfit)]);
  const source = pictureAddress(uri);
  if (source) {
    const image = make("img", { alt: "", decoding: "async", src: source });
    image.addEventListener("load", () => holder.replaceChildren(image));
  }
  return holder;
}

/** Only the page's own host and the Mysfits service's are ever asked for a picture. */
function pictureAddress(uri) {
  if (!uri || !URL.canParse(uri, `${service}/`)) return null;
  const address = new URL(uri, `${service}/`);
  return [location.origin, new URL(service, location.href).origin].includes(address.origin) ? address.href : null;
}

function badge(word) {
  return make("span", { className: "badge", textContent: word });
}

function make(tag, properties = {}, children = []) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** On the local cloud: the enriched clicks as they land in the bucket. */
async function watchArrivals(feed) {
  byId("arrivals").hidden = false;
  for (;;) {
    if (document.visibilityState === "visible") {
      try {
        const response = await fetch(feed, { cache: "no-store" });
        if (response.ok) showArrivals(await response.json(), arrived);
      } catch {
        byId("arrivals-note").textContent = "The local cloud does not answer at the moment.";
      }
    }
    await new Promise((resolve) => setTimeout(resolve, FEED_INTERVAL));
  }
}

function showArrivals({ total, clicks, leaders = [] }, known) {
  showLeaders(leaders);
  showLanded(clicks);
  const note = byId("arrivals-note");
  let text = `${total.toLocaleString("en")} enriched ${total === 1 ? "click" : "clicks"} in S3`;
  if (total === 0) text = "Nothing yet. Open a profile: its click lands here once the delivery stream has written it.";
  if (!settings("clicks-endpoint")) text = "There is no clicks API yet: run mysfits-stream up, and load this page again.";
  if (note.textContent !== text) note.textContent = text; // or a screen reader says it every second
  const rows = clicks.map((click) => known.get(click.id) ?? arrival(click));
  clicks.forEach((click, index) => known.set(click.id, rows[index]));
  const list = byId("arrivals-list");
  if (rows.length !== list.children.length || rows.some((row, index) => row !== list.children[index])) {
    list.replaceChildren(...rows);
  }
}

/** Who is clicked most; the list changes only with its content, so that a reader is not disturbed. */
function showLeaders(leaders) {
  const list = byId("leaders").querySelector("ol");
  const rows = leaders.map(({ key, name, clicks }) => ({ name: String(name ?? named(key) ?? key), clicks }));
  const content = JSON.stringify(rows);
  if (list.dataset.content === content) return;
  list.dataset.content = content;
  byId("leaders").hidden = rows.length === 0;
  list.replaceChildren(...rows.map(({ name, clicks }) => {
    const bar = make("meter", { min: 0, max: rows[0].clicks, value: clicks });
    bar.setAttribute("aria-hidden", "true"); // the number stands beside it
    return make("li", {}, [make("b", { textContent: name }), bar, make("span", { textContent: clicks.toLocaleString("en") })]);
  }));
}

/** A note for the visitor whose own click has landed, where the panel is out of sight: above an open profile, too. */
function showLanded(clicks) {
  const own = clicks.filter(({ click }) => sent.has(click.clickId));
  if (own.length === 0) return;
  const names = new Set(own.map(({ click }) => sent.get(click.clickId)));
  for (const { click } of own) sent.delete(click.clickId);
  if (!narrow.matches) return;
  const note = byId("landed");
  note.textContent = `✓ Your click on ${[...names].join(" and ")} has landed in S3.`;
  note.hidePopover?.();
  (profile.open ? profile : document.body).append(note); // outside an open dialog everything is inert
  note.showPopover?.();
  setTimeout(() => note.hidePopover?.(), LANDED_SHOWN);
}

function named(key) {
  return mysfits.find(({ mysfitId }) => mysfitId === key)?.name;
}

function arrival({ click, key }) {
  const clicked = click[definition.key];
  const attributes = [click.species, click.goodevil, click.lawchaos].filter((value) => typeof value === "string");
  const user = click[definition.user];
  return make("li", { title: key }, [
    make("span", { className: "picture" }, [draw({ ...click, mysfitId: clicked })]),
    make("span", { className: "what" }, [
      make("b", { textContent: click.name ?? named(clicked) ?? clicked ?? "a click" }),
      make("span", { className: "enriched", textContent: attributes.join(" · ") || "not enriched" }),
      make("span", { className: "enriched", textContent: `${user === undefined ? "" : `by ${user}, `}${clock(click.clickedAt)}` }),
    ]),
  ]);
}

function clock(moment) {
  const time = new Date(moment);
  return Number.isNaN(time.getTime()) ? moment : time.toLocaleTimeString("en-GB");
}

filters.hidden = false; // without JavaScript there is nothing to filter
filters.addEventListener("change", showMysfits);
filters.addEventListener("submit", (event) => event.preventDefault());
byId("trouble").querySelector("button").addEventListener("click", loadMysfits);
profile.addEventListener("click", (event) => event.target === profile && profile.close()); // beside the dialog
await loadMysfits();
if (settings("clicks-feed")) watchArrivals(settings("clicks-feed"));
