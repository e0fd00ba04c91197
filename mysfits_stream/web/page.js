/**
 * The page: shows the mysfits, opens their profiles, and records that it did.
 *
 * Everything that a service says is put on the page as text, never as markup.
 */

import { definition, recordClick } from "./clicks.js";
import { draw } from "./drawings.js";

const FEED_INTERVAL = 1_000;

const settings = (name) => document.querySelector(`meta[name="${name}"]`).content;
const byId = (id) => document.getElementById(id);

const service = settings("mysfits-endpoint").replace(/\/+$/, "");
const filters = byId("filters");
const profile = byId("profile");
const arrived = new Map(); // rows of clicks that are shown, so that only new rows move
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
  recordClick(mysfit.mysfitId);
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

function showArrivals({ total, clicks }, known) {
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

function arrival({ click, key }) {
  const clicked = click[definition.key];
  const mysfit = mysfits.find(({ mysfitId }) => mysfitId === clicked);
  const attributes = [click.species, click.goodevil, click.lawchaos].filter((value) => typeof value === "string");
  const user = click[definition.user];
  return make("li", { title: key }, [
    make("span", { className: "picture" }, [draw({ ...click, mysfitId: clicked })]),
    make("span", { className: "what" }, [
      make("b", { textContent: click.name ?? mysfit?.name ?? clicked ?? "a click" }),
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
